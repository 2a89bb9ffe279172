//! Rate limits: what is limited, how much of it is allowed, and the port that counts.

mod gcra;
mod network;
mod quotas;
mod rate_limits;

pub use gcra::{gcra, gcra_refund};
pub use network::{Network, network};
pub use quotas::{Quota, Quotas};
pub use rate_limits::RateLimits;

use std::time::Duration;

use async_trait::async_trait;

use crate::ids::{SessionId, TokenId, UserId};
use crate::time::Stamp;

/// The requests that are counted together.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum LimitKey {
    /// Failed logins from one network (see [`network()`]).
    LoginFrom(Network),
    /// Failed logins to one account, by [`Email::key`](crate::user::Email::key), whether or not it exists.
    LoginTo(String),
    /// Wrong passwords in authenticated requests of one account. They are counted separately from
    /// [`LimitKey::LoginTo`], which everyone who knows the address can exhaust.
    PasswordOf(UserId),
    /// Right passwords of one account, by its name in [`HashedFor`](crate::user::HashedFor): each
    /// of them occupies the hasher.
    RightPasswordOf(String),
    /// Registrations from one network. They are counted separately from [`LimitKey::MailFrom`]: a
    /// network on which many register can still ask for a reset.
    RegistrationFrom(Network),
    /// Requested emails from one network.
    MailFrom(Network),
    /// Registrations and requested emails to one address, by [`Email::key`](crate::user::Email::key).
    MailTo(String),
    /// Emails that one user requests to addresses of their choice.
    MailOf(UserId),
    /// Changes of how one account logs in: passwords changed, links of providers begun, and unlinks.
    /// An email tells the owner of each, so a flood of changes would be one of emails, in which the
    /// one that matters is overlooked.
    ChangeOf(UserId),
    /// OAuth logins started from one network; each stores a row until its state expires.
    FlowFrom(Network),
    /// Refreshes of one session.
    Refresh(SessionId),
    /// Presentations of one refresh token; only the first in a while counts for [`LimitKey::Refresh`].
    RefreshToken(TokenId),
    /// Requests of one user.
    Api(UserId),
}

impl LimitKey {
    /// The key of the same kind for the site of an IPv6 network (see [`Network::site`]), which is charged as
    /// well: a site has 65,536 networks.
    pub(crate) fn of_site(&self) -> Option<Self> {
        match self {
            Self::LoginFrom(network) => network.site().map(Self::LoginFrom),
            Self::RegistrationFrom(network) => network.site().map(Self::RegistrationFrom),
            Self::MailFrom(network) => network.site().map(Self::MailFrom),
            Self::FlowFrom(network) => network.site().map(Self::FlowFrom),
            Self::LoginTo(_)
            | Self::PasswordOf(_)
            | Self::RightPasswordOf(_)
            | Self::MailTo(_)
            | Self::MailOf(_)
            | Self::ChangeOf(_)
            | Self::Refresh(_)
            | Self::RefreshToken(_)
            | Self::Api(_) => None,
        }
    }
}

/// The answer to one charge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Charge {
    pub allowed: bool,
    /// How many more charges would be allowed now.
    pub remaining: u32,
    /// How long until one more charge is allowed; zero if one is allowed now.
    pub retry_after: Duration,
    pub quota: Quota,
}

impl Charge {
    /// Returns the charge itself as `Err` if it was refused.
    pub const fn granted(self) -> Result<(), Self> {
        if self.allowed { Ok(()) } else { Err(self) }
    }
}

/// Counts requests.
///
/// An implementation MUST serialise the charges of one key, and MUST answer even if it can't reach its
/// storage. It MAY forget a key only once the whole quota is available again, and keys of one kind MUST NOT
/// take the room of another kind: otherwise a flood of keys that cost nothing, such as networks, would make
/// it forget failed logins.
#[async_trait]
pub trait RateLimiter: Send + Sync {
    /// Takes one from the key's quota, if any is left.
    async fn charge(&self, key: &LimitKey, quota: Quota, now: Stamp) -> Charge;

    /// Refunds a charge that [`RateLimiter::charge`] allowed.
    async fn refund(&self, key: &LimitKey, quota: Quota, now: Stamp);
}
