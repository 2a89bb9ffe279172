//! GCRA, the generic cell rate algorithm of ITU-T I.371: a token bucket that stores one instant per key.
//!
//! The algorithm is here rather than a library's because a charge must be refundable: only failed logins
//! count. A limit that admitted an attempt first and counted it afterwards would admit a thousand
//! concurrent attempts.

use std::time::Duration;

use super::{Charge, Quota};
use crate::time::Stamp;

/// Charges once. Takes the theoretical arrival time stored for the key (`None`: never charged) and returns
/// the answer with the time to store.
#[must_use]
pub fn gcra(stored: Option<Stamp>, quota: Quota, now: Stamp) -> (Charge, Stamp) {
    let interval = quota.interval();
    let tolerance = interval * quota.burst.max(1);
    let arrival = stored.map_or(now, |stored| stored.max(now));
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

/// The time to store after a charge was refunded.
#[must_use]
pub fn gcra_refund(stored: Stamp, quota: Quota) -> Stamp {
    stored.minus(quota.interval())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_window_grants_more_than_the_burst_plus_what_the_period_earns(
            gaps in prop::collection::vec(0u64..4_000_000, 1..200),
            count in 1u32..20,
        ) {
            let quota = Quota::new(count, Duration::from_secs(10));
            let mut now = Stamp::EPOCH;
            let (mut stored, mut granted) = (None, Vec::new());
            for gap in gaps {
                now = now.plus(Duration::from_micros(gap));
                let (charge, time) = gcra(stored, quota, now);
                stored = Some(time);
                if charge.allowed {
                    granted.push(now);
                } else {
                    prop_assert!(gcra(stored, quota, now.plus(charge.retry_after)).0.allowed);
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
    fn a_refunded_charge_does_not_count() {
        let quota = Quota::new(3, Duration::from_secs(3));
        let mut stored = None;
        for _ in 0..10 {
            let (charge, time) = gcra(stored, quota, Stamp::EPOCH);
            assert!(charge.allowed);
            stored = Some(gcra_refund(time, quota));
        }
    }
}
