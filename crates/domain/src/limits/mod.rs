//! Rate limits: what is limited, how much of it is allowed, and the port that counts.

mod gcra;
mod quotas;
mod rate_limits;

pub use gcra::{gcra, gcra_refund};
pub use quotas::{Quota, Quotas};
pub use rate_limits::RateLimits;

use std::net::IpAddr;
use std::time::Duration;

use async_trait::async_trait;

use crate::ids::{SessionId, TokenId, UserId};
use crate::time::Stamp;

/// The requests that are counted together.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum LimitKey {
    /// Failed logins from one network (see [`network`]).
    LoginFrom(IpAddr),
    /// Failed logins to one account, by [`Email::key`](crate::user::Email::key), whether or not it exists.
    LoginTo(String),
    /// Wrong passwords in authenticated requests of one account. They are counted separately from
    /// [`LimitKey::LoginTo`], which everyone who knows the address can exhaust.
    PasswordOf(UserId),
    /// Registrations and requested emails from one network.
    MailFrom(IpAddr),
    /// Registrations and requested emails to one address, by [`Email::key`](crate::user::Email::key).
    MailTo(String),
    /// Emails that one user requests to addresses of their choice.
    MailOf(UserId),
    /// OAuth logins started from one network; each stores a row until its state expires.
    FlowFrom(IpAddr),
    /// Refreshes of one session.
    Refresh(SessionId),
    /// Presentations of one refresh token; only the first in a while counts for [`LimitKey::Refresh`].
    RefreshToken(TokenId),
    /// Requests of one user.
    Api(UserId),
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

/// Counts requests. An implementation MUST serialise the charges of one key, and MUST answer even if it
/// can't reach its storage.
#[async_trait]
pub trait RateLimiter: Send + Sync {
    /// Takes one from the key's quota, if any is left.
    async fn charge(&self, key: &LimitKey, quota: Quota, now: Stamp) -> Charge;

    /// Refunds a charge that [`RateLimiter::charge`] allowed.
    async fn refund(&self, key: &LimitKey, quota: Quota, now: Stamp);
}

/// The network that an address belongs to: an IPv4 address (also when mapped to IPv6) by itself, an IPv6
/// address by its /64, the smallest block that a subscriber gets (RFC 6177).
#[must_use]
pub fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(v4) => IpAddr::V4(v4),
        IpAddr::V6(v6) => IpAddr::V6((v6.to_bits() & !u128::from(u64::MAX)).into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ipv6_addresses_count_by_their_first_64_bits() {
        let of = |text: &str| network(text.parse().expect("an address"));
        assert_eq!(of("2001:db8:1:2:3:4:5:6"), of("2001:db8:1:2::"));
        assert_ne!(of("2001:db8:1:3::"), of("2001:db8:1:2::"));
        assert_eq!(of("::ffff:192.0.2.1"), of("192.0.2.1"));
    }
}
