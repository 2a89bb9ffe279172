//! One-time tokens, emails and identities.

use domain::OneTimeTokenId;
use domain::account::{EmailChange, ProfileChange};
use domain::identity::{ExternalToken, ProviderIdentity, SealedTokens};
use domain::mail::{NewMail, Notice, Template};
use domain::one_time::{EmailToken, NewOneTimeToken, Purpose};
use domain::user::{DisplayName, Email};
use domain::{Stamp, UserId};

use super::{T0, token_hash, uuid};

/// A token with the address as its payload. It expires after the lifetime of its purpose, counted
/// from [`T0`].
#[must_use]
pub fn one_time(purpose: Purpose, user: Option<UserId>, email: &Email) -> NewOneTimeToken {
    NewOneTimeToken {
        id: OneTimeTokenId(uuid()),
        purpose,
        hash: token_hash(),
        user,
        payload: email.as_str().to_owned(),
        expires_at: T0.plus(purpose.lifetime()),
    }
}

/// An email without a token.
#[must_use]
pub fn mail(user: Option<UserId>, to: &Email, template: Template) -> NewMail {
    NewMail { id: uuid(), user, to: to.clone(), template, token: None, providers: Vec::new() }
}

/// A notice that mentions no provider.
#[must_use]
pub fn notice(template: Template) -> Notice {
    Notice { id: uuid(), template, providers: Vec::new() }
}

/// A token like that of [`one_time`], with the email that sends it to the address.
#[must_use]
pub fn email_token(purpose: Purpose, user: Option<UserId>, email: &Email) -> EmailToken {
    let template = match purpose {
        Purpose::VerifyEmail => Template::VerifyEmail,
        Purpose::ResetPassword => Template::ResetPassword,
        Purpose::MagicLink => Template::MagicLink,
        Purpose::OAuthHandOff | Purpose::OAuthState | Purpose::Invitation => {
            panic!("no mail has a token for {purpose:?}")
        }
    };
    let token = one_time(purpose, user, email);
    let mail = NewMail { token: Some(token.id), ..mail(user, email, template) };
    EmailToken { token, mail: Some(mail) }
}

/// A change of the name.
#[must_use]
pub fn new_name(name: Option<DisplayName>) -> ProfileChange {
    ProfileChange { display_name: Some(name), email: None }
}

/// A change of the address by a caller without a session. It has a verification and no notice.
#[must_use]
pub fn new_email(user: UserId, email: &Email) -> EmailChange {
    let verification = email_token(Purpose::VerifyEmail, Some(user), email);
    EmailChange { email: email.clone(), session: None, verification, notice: None }
}

/// The identity of a user at a provider, with made-up sealed tokens.
#[must_use]
pub fn identity(provider: &str, subject: &str, verified_email: Option<&Email>) -> ProviderIdentity {
    let sealed = |kind| Some(format!("sealed {kind} of {subject}").into_bytes());
    ProviderIdentity {
        provider: provider.to_owned(),
        subject: subject.to_owned(),
        verified_email: verified_email.cloned(),
        name: None,
        tokens: SealedTokens {
            key_id: Some("key".to_owned()),
            access: sealed("access"),
            refresh: sealed("refresh"),
        },
    }
}

/// The claims of an external issuer's token, which never expires.
#[must_use]
pub fn external(issuer: &str, subject: &str, email: Option<&Email>) -> ExternalToken {
    ExternalToken {
        issuer: issuer.to_owned(),
        subject: subject.to_owned(),
        email: email.cloned(),
        name: None,
        expires_at: Stamp::MAX,
    }
}
