//! `user`: administers users, beside a running server.

mod arguments;
mod output;

use std::error::Error;
use std::io::{self, Read as _};

use domain::SessionId;
use domain::account::{Administration, CreationOutcome};
use domain::text::ClientId;
use domain::user::{DisplayName, Email, PasswordPolicy, User};
use serde_json::{Value, json};
use tokio::runtime::Builder;

use super::print;
use crate::settings::Settings;
use crate::{telemetry, wire};

pub use arguments::Action;
use arguments::{Creation, Named};
use output::{print_either, print_user, shown};

type Done<T> = Result<T, Box<dyn Error>>;

pub fn run(action: &Action, settings: &Settings) -> Done<()> {
    telemetry::init_logging(settings);
    let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    runtime.block_on(async {
        let (administration, beside) = wire::administration(settings).await?;
        let command = Command { administration, frontend_url: &settings.mail.frontend_url };
        let done = command.run(action).await;
        drop(command);
        beside.close().await;
        done
    })
}

struct Command<'a> {
    administration: Administration,
    frontend_url: &'a str,
}

impl Command<'_> {
    async fn run(&self, action: &Action) -> Done<()> {
        match action {
            Action::List(form) => self.list(form.json).await,
            Action::Show(named) => {
                let user = self.find(named).await?;
                tracing::info!(user = %user.id, "the command `user show` read an account");
                print_user(&user, named.form.json);
                Ok(())
            }
            Action::Create(creation) => self.create(creation).await,
            Action::Invite { address, form } => self.invite(address, form.json).await,
            Action::Disable(named) => self.set_active(named, false).await,
            Action::Enable(named) => self.set_active(named, true).await,
            Action::Delete { named, yes } => self.delete(named, *yes).await,
            Action::Verify(named) => self.verify(named).await,
            Action::ResetPassword(named) => {
                let user = self.find(named).await?;
                self.print_reset_link(&user, named.form.json).await
            }
            Action::Sessions(named) => self.sessions(named).await,
            Action::Revoke { named, session } => self.revoke(named, *session).await,
        }
    }

    async fn find(&self, named: &Named) -> Done<User> {
        let name = &named.user;
        Ok(self.administration.find(name).await?.ok_or_else(|| format!("there is no user {name}"))?)
    }

    async fn list(&self, json: bool) -> Done<()> {
        tracing::info!("the command `user list` reads every account");
        let mut users = Vec::new();
        let each = |user: &User| if json { users.push(shown(user)) } else { print_user(user, false) };
        self.administration.list(each).await?;
        if json {
            print(Value::from(users));
        }
        Ok(())
    }

    async fn create(&self, creation: &Creation) -> Done<()> {
        let Creation { address, name, password_stdin, form } = creation;
        let email = parse_address(address)?;
        let name = name.as_deref().map(DisplayName::parse).transpose();
        let name = name.map_err(|error| format!("the name can't be used: {error}"))?;
        let mut password = String::new();
        if *password_stdin {
            io::stdin().read_to_string(&mut password)?;
        }
        let password = password_stdin.then(|| password.trim_end_matches(['\r', '\n']));
        let policy = PasswordPolicy::default();
        let user = match self.administration.create(email, name, password, policy).await? {
            CreationOutcome::Done(user) => user,
            CreationOutcome::Taken => return Err(format!("{address} has an account already").into()),
            CreationOutcome::Weak(weak) => return Err(format!("the password {weak}").into()),
            CreationOutcome::Hasher(error) => return Err(error.into()),
        };
        tracing::info!(user = %user.id, "the command `user create` created an account");
        print_user(&user, form.json);
        if password.is_none() { self.print_reset_link(&user, form.json).await } else { Ok(()) }
    }

    async fn invite(&self, address: &str, json: bool) -> Done<()> {
        let email = parse_address(address)?;
        let invitation = self.administration.invite(&email).await?;
        let invitation = invitation.ok_or_else(|| format!("{address} has an account already"))?;
        tracing::info!(expires_at = %invitation.expires_at, "the command `user invite` made an invitation");
        let link = format!("{}/register?invitation={}", self.frontend_url, invitation.token);
        let expires_at = invitation.expires_at.to_rfc3339();
        if json {
            let token = invitation.token;
            print(json!({"address": address, "invitation": token, "link": link, "expires_at": expires_at}));
        } else {
            print(format_args!("{link}"));
            print(format_args!("It registers {address} once, until {expires_at}."));
        }
        Ok(())
    }

    async fn set_active(&self, named: &Named, active: bool) -> Done<()> {
        let user = self.find(named).await?;
        let verb = if active { "enable" } else { "disable" };
        if !self.administration.set_active(user.id, active).await? {
            return Err("the user was deleted meanwhile".into());
        }
        tracing::info!(user = %user.id, "the command `user {verb}` changed an account");
        self.show_again(named).await
    }

    async fn delete(&self, named: &Named, yes: bool) -> Done<()> {
        let user = self.find(named).await?;
        if !yes {
            let name = &named.user;
            return Err(
                format!("nothing was deleted; to delete {name} and everything of theirs, add --yes").into()
            );
        }
        if !self.administration.delete(user.id).await? {
            return Err("the user was deleted meanwhile".into());
        }
        tracing::info!(user = %user.id, "the command `user delete` deleted an account");
        print_either(
            named.form.json,
            || json!({"deleted": user.id.to_string()}),
            || format!("deleted {}", user.id),
        );
        Ok(())
    }

    async fn verify(&self, named: &Named) -> Done<()> {
        let user = self.find(named).await?;
        let email = user.email.as_ref().ok_or("the user has no address")?;
        if !self.administration.verify(user.id, email).await? {
            return Err("the user has another address now".into());
        }
        tracing::info!(user = %user.id, "the command `user verify` verified an address");
        self.show_again(named).await
    }

    async fn print_reset_link(&self, user: &User, json: bool) -> Done<()> {
        let email = user.email.as_ref().ok_or("the user has no address")?;
        let reset = self.administration.reset(user.id, email).await?;
        tracing::info!(user = %user.id, "the command `user` made a link that sets a password");
        let link = format!("{}/reset-password?token={}", self.frontend_url, reset.token);
        let expires_at = reset.expires_at.to_rfc3339();
        print_either(
            json,
            || json!({"link": link, "token": reset.token, "expires_at": expires_at}),
            || format!("{link}\nIt sets a new password once, until {expires_at}."),
        );
        Ok(())
    }

    async fn sessions(&self, named: &Named) -> Done<()> {
        let user = self.find(named).await?;
        let sessions = self.administration.sessions(user.id).await?;
        tracing::info!(user = %user.id, "the command `user sessions` read an account");
        let shown = sessions.iter().map(|session| {
            json!({
                "id": session.id.to_string(),
                "client_id": session.device.client_id.as_ref().map(ClientId::as_str),
                "ip": session.device.ip.map(|ip| ip.to_string()),
                "created_at": session.created_at.to_rfc3339(),
                "last_used_at": session.last_used_at.to_rfc3339(),
                "expires_at": session.expires_at.to_rfc3339(),
            })
        });
        let shown: Vec<_> = shown.collect();
        if named.form.json {
            print(Value::from(shown));
            return Ok(());
        }
        for session in &sessions {
            let device = session.device.client_id.as_ref().map_or("-", ClientId::as_str);
            let last = session.last_used_at.to_rfc3339();
            // Quoted, so that no character of a name controls the terminal.
            print(format_args!("{} last used {last} by {device:?}", session.id));
        }
        print(format_args!("{} sessions", sessions.len()));
        Ok(())
    }

    async fn revoke(&self, named: &Named, session: Option<SessionId>) -> Done<()> {
        let user = self.find(named).await?;
        let ended = self.administration.revoke(user.id, session).await?;
        tracing::info!(user = %user.id, ended, "the command `user revoke` ended sessions");
        if ended == 0 && session.is_some() {
            return Err("the user has no such session".into());
        }
        print_either(named.form.json, || json!({"ended": ended}), || format!("ended {ended} sessions"));
        Ok(())
    }

    async fn show_again(&self, named: &Named) -> Done<()> {
        print_user(&self.find(named).await?, named.form.json);
        Ok(())
    }
}

fn parse_address(address: &str) -> Result<Email, String> {
    Email::parse(address).map_err(|_| format!("{address} is not an email address"))
}
