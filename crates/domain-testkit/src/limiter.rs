//! The cases that every rate limiter passes.

use std::time::Duration;

use domain::limits::{Charge, LimitKey, Quota, RateLimiter, network};
use domain::{SessionId, Stamp, UserId};
use uuid::Uuid;

/// What happens at a minute, and what a charge is answered: whether it is allowed, how many remain, and after how
/// many minutes one more is allowed.
enum Step {
    Allowed { at: u64, remaining: u32, retry: u64 },
    Refused { at: u64, retry: u64 },
    Refund { at: u64 },
}

use Step::{Allowed, Refund, Refused};

const HOUR: Duration = Duration::from_hours(1);
/// A burst of 3, then one an hour. The intervals are long, because a limiter with a clock of its own may forget
/// while the test runs what the cases still count.
const HOURLY: Quota = Quota { count: 1, period: HOUR, burst: 3 };

const CASES: &[(&str, Quota, &[Step])] = &[
    (
        "a burst is allowed, then one after each interval",
        HOURLY,
        &[
            Allowed { at: 0, remaining: 2, retry: 0 },
            Allowed { at: 0, remaining: 1, retry: 0 },
            Allowed { at: 0, remaining: 0, retry: 60 },
            Refused { at: 0, retry: 60 },
            Refused { at: 59, retry: 1 },
            Allowed { at: 60, remaining: 0, retry: 60 },
            Refused { at: 61, retry: 59 },
        ],
    ),
    (
        "what was refused does not count",
        Quota { burst: 1, ..HOURLY },
        &[
            Allowed { at: 0, remaining: 0, retry: 60 },
            Refused { at: 10, retry: 50 },
            Refused { at: 20, retry: 40 },
            Allowed { at: 60, remaining: 0, retry: 60 },
        ],
    ),
    (
        "the quota comes back with time, and no more than the whole",
        HOURLY,
        &[
            Allowed { at: 0, remaining: 2, retry: 0 },
            Allowed { at: 0, remaining: 1, retry: 0 },
            Allowed { at: 90, remaining: 1, retry: 0 },
            Allowed { at: 900, remaining: 2, retry: 0 },
        ],
    ),
    (
        "a refunded charge does not count",
        HOURLY,
        &[
            Allowed { at: 0, remaining: 2, retry: 0 },
            Refund { at: 0 },
            Allowed { at: 0, remaining: 2, retry: 0 },
            Allowed { at: 0, remaining: 1, retry: 0 },
            Allowed { at: 0, remaining: 0, retry: 60 },
            Refund { at: 30 },
            Allowed { at: 30, remaining: 0, retry: 30 },
            Refused { at: 30, retry: 30 },
        ],
    ),
    (
        "a refund of nothing adds nothing",
        HOURLY,
        &[
            Refund { at: 0 },
            Allowed { at: 0, remaining: 2, retry: 0 },
            Refund { at: 0 },
            Refund { at: 0 },
            Refund { at: 600 },
            Allowed { at: 600, remaining: 2, retry: 0 },
        ],
    ),
    (
        "a clock that is behind is treated as if no time had passed",
        Quota { burst: 2, ..HOURLY },
        &[
            Allowed { at: 120, remaining: 1, retry: 0 },
            Refused { at: 0, retry: 120 },
            Refused { at: 60, retry: 60 },
            Allowed { at: 120, remaining: 0, retry: 60 },
        ],
    ),
    (
        "a burst of none is one",
        Quota { burst: 0, ..HOURLY },
        &[Allowed { at: 0, remaining: 0, retry: 60 }, Refused { at: 1, retry: 59 }],
    ),
];

/// Runs all cases, each with a key of its own. The limiter must know no key yet.
pub async fn check_rate_limiter(limiter: &dyn RateLimiter) {
    for (index, (case, quota, steps)) in (0..).zip(CASES) {
        let key = LimitKey::Api(UserId(Uuid::from_u128(index)));
        for (number, step) in steps.iter().enumerate() {
            let (at, expected) = match *step {
                Allowed { at, remaining, retry } => (at, Some((true, remaining, retry))),
                Refused { at, retry } => (at, Some((false, 0, retry))),
                Refund { at } => (at, None),
            };
            let now = START.plus(Duration::from_mins(at));
            let Some((allowed, remaining, retry)) = expected else {
                limiter.refund(&key, *quota, now).await;
                continue;
            };
            let retry_after = Duration::from_mins(retry);
            let expected = Charge { allowed, remaining, retry_after, quota: *quota };
            assert_eq!(limiter.charge(&key, *quota, now).await, expected, "{case}, step {number}");
        }
    }
    to_the_microsecond(limiter).await;
    each_key_has_a_quota_of_its_own(limiter).await;
}

/// A time as it is today: limiters must not lose the digits of its microseconds.
const START: Stamp = match Stamp::from_micros(1_796_000_000_123_457) {
    Some(start) => start,
    None => Stamp::EPOCH,
};

async fn to_the_microsecond(limiter: &dyn RateLimiter) {
    let quota = Quota::new(7, HOUR);
    let key = LimitKey::Refresh(SessionId(Uuid::from_u128(1)));
    for _ in 0..7 {
        assert!(limiter.charge(&key, quota, START).await.allowed);
    }
    let refused = limiter.charge(&key, quota, START).await;
    assert_eq!((refused.allowed, refused.retry_after), (false, quota.interval()));
    let just_before = START.plus(quota.interval()).minus(Duration::from_micros(1));
    let refused = limiter.charge(&key, quota, just_before).await;
    assert_eq!((refused.allowed, refused.retry_after), (false, Duration::from_micros(1)));
    assert!(limiter.charge(&key, quota, START.plus(quota.interval())).await.allowed);
}

async fn each_key_has_a_quota_of_its_own(limiter: &dyn RateLimiter) {
    let quota = Quota::new(1, HOUR);
    let ann = || "ann@example.com".to_owned();
    let of = |address: &str| network(address.parse().expect("an address"));
    let id = Uuid::from_u128(1_000);
    let keys = [
        LimitKey::LoginTo(ann()),
        LimitKey::LoginTo("bob@example.com".to_owned()),
        LimitKey::RightPasswordOf(ann()),
        LimitKey::MailTo(ann()),
        LimitKey::LoginFrom(of("192.0.2.1")),
        LimitKey::LoginFrom(of("192.0.2.2")),
        LimitKey::LoginFrom(of("2001:db8::1")),
        LimitKey::LoginFrom(of("2001:db8::1").site().expect("a site")),
        LimitKey::MailFrom(of("192.0.2.1")),
        LimitKey::FlowFrom(of("192.0.2.1")),
        LimitKey::PasswordOf(UserId(id)),
        LimitKey::MailOf(UserId(id)),
        LimitKey::ChangeOf(UserId(id)),
        LimitKey::Api(UserId(id)),
        LimitKey::Refresh(SessionId(id)),
    ];
    for key in &keys {
        assert!(limiter.charge(key, quota, START).await.allowed, "{key:?}");
    }
    for key in &keys {
        assert!(!limiter.charge(key, quota, START).await.allowed, "{key:?}");
    }
}
