//! Logging in by a link in an email.

use std::net::IpAddr;

use super::{AccountService, MailOutcome, Registration};
use crate::error::StoreError;
use crate::ids::UserId;
use crate::one_time::{MagicLinkLogin, Purpose};
use crate::session::{Device, EndReason, Login, Proof};
use crate::user::Email;

/// The outcome of using a magic link.
#[derive(Debug)]
pub enum MagicLinkOutcome {
    Done(Login),
    /// The token is unknown, used or expired.
    Invalid,
    /// The account is disabled.
    Disabled,
}

impl AccountService {
    /// Queues an email with a magic link. If there is no account with this address, the first use
    /// of the link creates it; unless registration is open, no email is sent instead. `ip` is the
    /// caller's, for the limits.
    pub async fn request_magic_link(
        &self,
        email: &Email,
        ip: Option<IpAddr>,
    ) -> Result<MailOutcome, StoreError> {
        if !self.policy.mail {
            return Ok(MailOutcome::Off);
        }
        let now = self.now();
        if let Err(charge) = self.charge_mail(email, ip, now).await {
            return Ok(MailOutcome::Limited(charge));
        }
        let user = self.ports.accounts.by_email(email).await?;
        let id = user.as_ref().map(|user| user.id);
        let mut token = self.email_token(Purpose::MagicLink, id, email, Vec::new(), now);
        if user.is_none() && self.policy.registration != Registration::Open {
            token.mail = None;
        }
        self.ports.one_time.send(token, now).await?;
        Ok(MailOutcome::Accepted)
    }

    /// Consumes the token of a magic link, and logs in.
    pub async fn use_magic_link(&self, token: &str, device: Device) -> Result<MagicLinkOutcome, StoreError> {
        let now = self.now();
        let new_user = UserId(self.new_id());
        let creates = (self.policy.registration == Registration::Open).then_some(new_user);
        let session = self.sessions.new_session(new_user, Proof::Email, device, now);
        let ending = self.sessions.ending(EndReason::DeviceRevoked, now);
        let (hash, cap) = (self.ports.one_time_secrets.hash(token), self.sessions.cap());
        let used =
            self.ports.one_time.use_magic_link(&hash, creates, session.new.clone(), cap, ending).await?;
        Ok(match used {
            MagicLinkLogin::Done(opened) => {
                MagicLinkOutcome::Done(self.sessions.opened(opened, session.new.id, session.secret, now))
            }
            MagicLinkLogin::Invalid => MagicLinkOutcome::Invalid,
            MagicLinkLogin::Disabled => MagicLinkOutcome::Disabled,
        })
    }
}
