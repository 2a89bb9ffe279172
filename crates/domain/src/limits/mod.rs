//! What is limited, how much, and the rule that counts: GCRA (the generic cell rate algorithm of ITU-T I.371), a token
//! bucket that needs one instant per key.
//!
//! The rule is here and not a library's because a charge has to be taken back: only failed logins count, and a limit
//! that first let an attempt through and counted it afterwards would let a thousand concurrent ones through.

use std::net::IpAddr;
use std::time::Duration;

use async_trait::async_trait;

use crate::ids::{SessionId, TokenId, UserId};
use crate::time::Stamp;

/// What is counted together.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum LimitKey {
    /// Failed logins from one network (see [`network`]).
    LoginFrom(IpAddr),
    /// Failed logins to one account, by folded email, whether or not it exists.
    LoginTo(String),
    /// Wrong passwords that logged-in requests of one account offered as a proof: apart from [`LimitKey::LoginTo`], which anybody who knows
    /// the address can use up.
    ProofOf(UserId),
    /// Registrations and mails asked for from one network.
    MailFrom(IpAddr),
    /// Registrations and mails asked for to one address, folded.
    MailTo(String),
    /// Mails that one user has sent to addresses of their choice.
    MailOf(UserId),
    /// Logins with a provider begun from one network: each is a row that lives as long as its state.
    FlowFrom(IpAddr),
    /// Refreshes of one session.
    Refresh(SessionId),
    /// Presentations of one refresh token, of which the first in a while alone counts for its session.
    RefreshToken(TokenId),
    /// Requests of one user.
    Api(UserId),
}

/// So many in so long; all of them may come at once, then one more each `period / count`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// How many; at least 1.
    pub count: u32,
    /// In how long.
    pub period: Duration,
    /// How many may come at once.
    pub burst: u32,
}

impl Quota {
    /// `count` in `period`, all of them at once if need be.
    #[must_use]
    pub const fn new(count: u32, period: Duration) -> Self {
        Self { count, period, burst: count }
    }

    /// The time in which one is earned back, in whole microseconds as a [`Stamp`] counts.
    #[must_use]
    pub fn interval(&self) -> Duration {
        let micros = self.period.as_micros() / u128::from(self.count.max(1));
        Duration::from_micros(u64::try_from(micros).unwrap_or(u64::MAX).max(1))
    }
}

/// The answer to one request for a charge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Charge {
    /// Whether it was granted.
    pub allowed: bool,
    /// How many more would be granted now.
    pub remaining: u32,
    /// How long until one is granted; zero where one is now.
    pub retry_after: Duration,
    /// The quota that it was asked of.
    pub quota: Quota,
}

impl Charge {
    /// Nothing where it was granted, else itself: what the refusal tells of.
    pub const fn granted(self) -> Result<(), Self> {
        if self.allowed { Ok(()) } else { Err(self) }
    }
}

/// Counts. An implementation MUST decide charges of one key one after the other, and MUST answer even when what it keeps
/// its counts in can't be reached.
#[async_trait]
pub trait RateLimiter: Send + Sync {
    /// Takes one from the key's quota, if there is one.
    async fn charge(&self, key: &LimitKey, quota: Quota, now: Stamp) -> Charge;

    /// Gives one back that [`RateLimiter::charge`] granted.
    async fn give_back(&self, key: &LimitKey, quota: Quota, now: Stamp);
}

/// One step of GCRA: from the theoretical arrival time kept for the key (`None`: never charged) to the answer and the time to keep.
#[must_use]
pub fn gcra(kept: Option<Stamp>, quota: Quota, now: Stamp) -> (Charge, Stamp) {
    let interval = quota.interval();
    let tolerance = interval * quota.burst.max(1);
    let arrival = kept.map_or(now, |kept| kept.max(now));
    let after = arrival.plus(interval);
    let ahead = after.since(now);
    if ahead > tolerance {
        let retry_after = ahead.saturating_sub(tolerance);
        return (Charge { allowed: false, remaining: 0, retry_after, quota }, arrival);
    }
    let left = tolerance.saturating_sub(ahead);
    let remaining = left.as_micros().checked_div(interval.as_micros()).unwrap_or(0);
    let retry_after = if remaining == 0 { interval.saturating_sub(left) } else { Duration::ZERO };
    let remaining = u32::try_from(remaining).unwrap_or(u32::MAX);
    (Charge { allowed: true, remaining, retry_after, quota }, after)
}

/// The time to keep after a charge was given back.
#[must_use]
pub fn gcra_give_back(kept: Stamp, quota: Quota) -> Stamp {
    kept.minus(quota.interval())
}

/// What addresses count as one: an IPv4 address (IPv4-mapped IPv6 too) alone, IPv6 by /64, the least that one subscriber gets
/// (RFC 6177).
#[must_use]
pub fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(v4) => IpAddr::V4(v4),
        IpAddr::V6(v6) => IpAddr::V6((v6.to_bits() & !u128::from(u64::MAX)).into()),
    }
}

/// Every quota, each a setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quotas {
    /// Failed logins from one network.
    pub login_from: Quota,
    /// Failed logins to one account, and, counted apart, wrong passwords offered by its logged-in requests.
    pub login_to: Quota,
    /// Registrations and mails asked for, from one network, to one address and by one user alike.
    pub mail: Quota,
    /// Logins with a provider begun from one network.
    pub flow: Quota,
    /// Refreshes of one session.
    pub refresh: Quota,
    /// Requests of one user.
    pub api: Quota,
}

impl Default for Quotas {
    fn default() -> Self {
        let quarter = Duration::from_mins(15);
        Self {
            login_from: Quota::new(5, quarter),
            login_to: Quota::new(10, quarter),
            mail: Quota::new(5, Duration::from_hours(1)),
            flow: Quota::new(60, Duration::from_mins(1)),
            refresh: Quota::new(60, Duration::from_mins(1)),
            api: Quota { count: 600, period: Duration::from_mins(1), burst: 100 },
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_window_grants_more_than_burst_plus_what_it_earns(
            gaps in prop::collection::vec(0u64..4_000_000, 1..200),
            count in 1u32..20,
        ) {
            let quota = Quota::new(count, Duration::from_secs(10));
            let mut now = Stamp::EPOCH;
            let (mut kept, mut granted) = (None, Vec::new());
            for gap in gaps {
                now = now.plus(Duration::from_micros(gap));
                let (charge, keep) = gcra(kept, quota, now);
                kept = Some(keep);
                if charge.allowed {
                    granted.push(now);
                } else {
                    prop_assert!(gcra(kept, quota, now.plus(charge.retry_after)).0.allowed);
                }
            }
            for (i, first) in granted.iter().enumerate() {
                for (j, last) in granted.iter().enumerate().skip(i) {
                    let earned = last.since(*first).as_micros() / quota.interval().as_micros();
                    prop_assert!((j - i) as u128 <= u128::from(count) + earned);
                }
            }
        }
    }

    #[test]
    fn a_charge_given_back_counts_for_nothing() {
        let quota = Quota::new(3, Duration::from_secs(3));
        let mut kept = None;
        for _ in 0..10 {
            let (charge, keep) = gcra(kept, quota, Stamp::EPOCH);
            assert!(charge.allowed);
            kept = Some(gcra_give_back(keep, quota));
        }
    }

    #[test]
    fn ipv6_counts_by_its_first_64_bits() {
        let of = |text: &str| network(text.parse().expect("an address"));
        assert_eq!(of("2001:db8:1:2:3:4:5:6"), of("2001:db8:1:2::"));
        assert_ne!(of("2001:db8:1:3::"), of("2001:db8:1:2::"));
        assert_eq!(of("::ffff:192.0.2.1"), of("192.0.2.1"));
    }
}
