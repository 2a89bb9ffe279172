//! Composing emails and the tokens that they carry.

use super::AccountService;
use crate::ids::{OneTimeTokenId, UserId};
use crate::mail::{NewMail, Notice, Template};
use crate::one_time::{EmailToken, NewOneTimeToken, Purpose};
use crate::time::Stamp;
use crate::user::Email;

impl AccountService {
    /// A one-time token about `email`, and the email that carries it there.
    pub(super) fn email_token(
        &self,
        purpose: Purpose,
        user: Option<UserId>,
        email: &Email,
        providers: Vec<String>,
        now: Stamp,
    ) -> EmailToken {
        let token = self.one_time_token(purpose, user, email, now);
        let mail = template(purpose).map(|template| NewMail {
            id: self.new_id(),
            user,
            to: email.clone(),
            template,
            token: Some(token.id),
            providers,
        });
        EmailToken { token, mail }
    }

    /// A notice about a change of an account, which mentions the providers of these names.
    pub(super) fn notice(&self, template: Template, providers: Vec<String>) -> Notice {
        Notice { id: self.new_id(), template, providers }
    }

    /// A one-time token about `email`.
    pub(super) fn one_time_token(
        &self,
        purpose: Purpose,
        user: Option<UserId>,
        email: &Email,
        now: Stamp,
    ) -> NewOneTimeToken {
        let id = OneTimeTokenId(self.new_id());
        let secrets = &self.ports.one_time_secrets;
        NewOneTimeToken {
            id,
            purpose,
            hash: secrets.hash(&secrets.derive(id)),
            user,
            payload: email.as_str().to_owned(),
            expires_at: now.plus(purpose.lifetime()),
        }
    }
}

/// The email that carries a token of this purpose.
const fn template(purpose: Purpose) -> Option<Template> {
    match purpose {
        Purpose::VerifyEmail => Some(Template::VerifyEmail),
        Purpose::ResetPassword => Some(Template::ResetPassword),
        Purpose::MagicLink => Some(Template::MagicLink),
        Purpose::OAuthHandOff | Purpose::OAuthState | Purpose::Invitation => None,
    }
}
