//! What a provider says about a user: in the id token, and at its userinfo endpoint.

use domain::user::Email;
use serde::Deserialize;
use serde_json::Value;

use crate::issuers::Audience;

#[derive(Deserialize)]
pub(super) struct IdToken {
    pub iss: String,
    pub sub: String,
    pub aud: Audience,
    pub azp: Option<String>,
    pub exp: f64,
    pub iat: f64,
    pub nonce: Option<String>,
    /// Microsoft's tenant.
    pub tid: Option<String>,
    #[serde(flatten)]
    pub profile: Profile,
}

#[derive(Deserialize)]
pub(super) struct UserInfo {
    pub sub: String,
    /// Only in a signed response, as are `aud` and the signature (OpenID Connect Core 1.0 section
    /// 5.3.2).
    pub iss: Option<String>,
    pub aud: Option<Audience>,
    #[serde(flatten)]
    pub profile: Profile,
}

/// The profile claims. A provider may put them in the id token or serve them at its userinfo endpoint
/// (OpenID Connect Core 1.0 section 5.4).
#[derive(Deserialize, Default)]
pub(super) struct Profile {
    pub email: Option<String>,
    #[serde(default)]
    pub email_verified: Value,
    pub name: Option<String>,
}

impl Profile {
    /// Whether the provider's userinfo may say more about the address.
    pub fn is_incomplete(&self) -> bool {
        self.email.is_none() || self.email_verified.is_null()
    }

    /// The claims of `other`, and those of this profile that `other` lacks.
    pub fn completed_by(self, other: Self) -> Self {
        let is_same_address = other.email.is_none() || self.email.is_none() || other.email == self.email;
        let email_verified = match other.email_verified {
            Value::Null if is_same_address => self.email_verified,
            verified => verified,
        };
        Self { email: other.email.or(self.email), email_verified, name: other.name.or(self.name) }
    }

    pub fn verified_email(&self, trust: EmailTrust) -> Option<Email> {
        // The standard requires a boolean; some providers send a string.
        let says_verified = self.email_verified == true || self.email_verified == "true";
        let verified = match trust {
            EmailTrust::Verified => says_verified,
            EmailTrust::Always => true,
            EmailTrust::Never => false,
        };
        self.email.as_deref().filter(|_| verified).and_then(|email| Email::parse(email).ok())
    }
}

/// Whether the provider's word about an address counts: a counted address joins the account that has
/// it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EmailTrust {
    /// If the provider says that it verified the address.
    #[default]
    Verified,
    /// Always: for a provider that verifies each address and does not say so.
    Always,
    /// Never.
    Never,
}
