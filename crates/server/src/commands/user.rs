//! `user`: administers users, beside a running server.

use std::error::Error;

use clap::Subcommand;
use domain::account::Invitation;
use domain::user::Email;
use serde_json::json;
use thiserror::Error;
use tokio::runtime::Builder;

use super::print;
use crate::settings::Settings;
use crate::{telemetry, wire};

#[derive(Subcommand)]
pub enum Action {
    /// Print a link with which the owner of an address may register, once and within 7 days
    ///
    /// It counts while the server runs with `REGISTRATION=invite`. The link is a secret: send it to the owner
    /// of the address alone.
    Invite {
        /// The email address that may be registered
        address: String,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}

/// Why an address is not invited.
#[derive(Debug, Error)]
enum NotInvited {
    #[error("{0} is not an email address")]
    NoAddress(String),
    #[error("{0} has an account already")]
    Taken(String),
}

pub fn run(action: &Action, settings: &Settings) -> Result<(), Box<dyn Error>> {
    telemetry::init_logging(settings);
    let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let Action::Invite { address, json } = action;
    let Invitation { token, expires_at } = runtime.block_on(invite(address, settings))?;
    tracing::info!(%expires_at, "the command `user invite` made an invitation");
    let link = format!("{}/register?invitation={token}", settings.mail.frontend_url);
    if *json {
        let expires_at = expires_at.to_rfc3339();
        print(json!({"address": address, "invitation": token, "link": link, "expires_at": expires_at}));
    } else {
        print(format_args!("{link}"));
        print(format_args!("It registers {address} once, until {}.", expires_at.to_rfc3339()));
    }
    Ok(())
}

async fn invite(address: &str, settings: &Settings) -> Result<Invitation, Box<dyn Error>> {
    let email = Email::parse(address).map_err(|_| NotInvited::NoAddress(address.to_owned()))?;
    let services = wire::command_services(settings).await?;
    let invited = services.invitations.invite(&email).await;
    services.close().await;
    Ok(invited?.ok_or_else(|| NotInvited::Taken(address.to_owned()))?)
}
