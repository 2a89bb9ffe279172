use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use std::time::Duration;

use domain::UserId;
use domain::limits::network;
use domain_testkit::check_rate_limiter;
use uuid::Uuid;

use super::*;

const QUOTA: Quota = Quota::new(5, Duration::from_mins(15));
const NOW: Stamp = Stamp::EPOCH;
/// As many keys of each kind as the server keeps.
const CAPACITY: usize = 50_000;
const FLOOD: u32 = 200_000;

fn key(n: u128) -> LimitKey {
    LimitKey::Api(UserId(Uuid::from_u128(n)))
}

/// The `n`th /64 of `2001:db8::/32`.
fn ipv6(n: u32) -> Network {
    network(Ipv6Addr::from((0x2001_0db8 << 96) | (u128::from(n) << 64)).into())
}

fn ipv4(address: impl Into<Ipv4Addr>) -> Network {
    network(IpAddr::V4(address.into()))
}

async fn granted(limiter: &MemoryRateLimiter, key: &LimitKey, attempts: u32, quota: Quota) -> u32 {
    let mut granted = 0;
    for _ in 0..attempts {
        granted += u32::from(limiter.charge(key, quota, NOW).await.allowed);
    }
    granted
}

#[tokio::test]
async fn it_counts_as_the_domain_decides() {
    check_rate_limiter(&MemoryRateLimiter::new(100)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_hundred_concurrent_charges_are_granted_exactly_the_quota() {
    let limiter = Arc::new(MemoryRateLimiter::new(100));
    let tasks: Vec<_> = (0..200)
        .map(|_| {
            let limiter = limiter.clone();
            tokio::spawn(async move { limiter.charge(&key(1), QUOTA, NOW).await.allowed })
        })
        .collect();
    let mut granted = 0;
    for task in tasks {
        granted += u32::from(task.await.expect("no panic"));
    }
    assert_eq!(granted, QUOTA.count);
}

#[tokio::test]
async fn keys_are_counted_separately_and_recover_with_time() {
    let limiter = MemoryRateLimiter::new(100);
    for left in (0..5).rev() {
        let charge = limiter.charge(&key(1), QUOTA, NOW).await;
        assert_eq!((charge.allowed, charge.remaining), (true, left));
    }
    let refused = limiter.charge(&key(1), QUOTA, NOW).await;
    assert_eq!((refused.allowed, refused.retry_after), (false, Duration::from_mins(3)));
    assert!(limiter.charge(&key(2), QUOTA, NOW).await.allowed);
    assert!(limiter.charge(&key(1), QUOTA, NOW.plus(refused.retry_after)).await.allowed);
}

#[tokio::test]
async fn a_refunded_charge_can_be_made_again() {
    let limiter = MemoryRateLimiter::new(100);
    for _ in 0..20 {
        assert!(limiter.charge(&key(1), QUOTA, NOW).await.allowed);
        limiter.refund(&key(1), QUOTA, NOW).await;
    }
    limiter.refund(&key(2), QUOTA, NOW).await;
    assert_eq!(limiter.charge(&key(2), QUOTA, NOW).await.remaining, 4);
}

#[tokio::test]
async fn two_hundred_thousand_keys_of_any_kind_do_not_restore_a_used_quota() {
    let quota = Quota::new(10, Duration::from_mins(15));
    let limiter = MemoryRateLimiter::new(CAPACITY);
    let account = LimitKey::LoginTo("ann@example.com".to_owned());
    assert_eq!(granted(&limiter, &account, 7, quota).await, 7);
    for n in 0..FLOOD {
        limiter.charge(&LimitKey::FlowFrom(ipv6(n)), quota, NOW).await;
        limiter.charge(&LimitKey::LoginTo(format!("{n}@example.com")), quota, NOW).await;
    }
    assert_eq!(granted(&limiter, &account, 20, quota).await, 3);
    for kind in &limiter.kinds {
        assert!(kind.lock().expect("no panic").len() <= CAPACITY + 1024);
    }
}

#[tokio::test]
async fn networks_that_find_no_room_share_the_quota_of_their_provider() {
    let limiter = MemoryRateLimiter::new(CAPACITY);
    let mail = |network| LimitKey::MailFrom(network);
    let mut allowed = 0;
    for n in 0..FLOOD {
        allowed += u32::from(limiter.charge(&mail(ipv6(n)), QUOTA, NOW).await.allowed);
    }
    assert_eq!(allowed, u32::try_from(CAPACITY).expect("small") + QUOTA.count);
    // Other providers, and IPv4, have their own.
    let elsewhere: Ipv6Addr = "2001:db9::".parse().expect("an address");
    assert_eq!(granted(&limiter, &mail(network(elsewhere.into())), 20, QUOTA).await, 5);
    assert_eq!(granted(&limiter, &mail(ipv4([192, 0, 2, 1])), 20, QUOTA).await, 5);
    assert_eq!(granted(&limiter, &mail(ipv4([192, 0, 2, 2])), 20, QUOTA).await, 5);
}

#[tokio::test]
async fn a_flood_over_every_provider_is_bounded_and_limited() {
    let limiter = MemoryRateLimiter::new(100);
    let mut allowed = 0;
    for n in 0..1_000u128 {
        let address = Ipv6Addr::from((0x2001_0000 + n) << 96);
        allowed +=
            u32::from(limiter.charge(&LimitKey::MailFrom(network(address.into())), QUOTA, NOW).await.allowed);
    }
    assert_eq!(allowed, 100 + 100 + QUOTA.count);
    assert_eq!(limiter.kinds.iter().map(|kind| kind.lock().expect("no panic").len()).sum::<usize>(), 200);
}

#[tokio::test]
async fn room_is_made_only_by_keys_whose_whole_quota_is_available_again() {
    let limiter = MemoryRateLimiter::new(2);
    // A burst above the count takes longer than the period to come back.
    let quota = Quota { count: 10, period: Duration::from_secs(10), burst: 100 };
    assert_eq!(granted(&limiter, &key(1), 200, quota).await, 100);
    limiter.charge(&key(2), quota, NOW).await;
    let later = NOW.plus(Duration::from_secs(50));
    limiter.charge(&key(3), quota, later).await;
    assert_eq!(limiter.charge(&key(1), quota, later).await.remaining, 49);
    assert_eq!(limiter.charge(&key(3), quota, later).await.remaining, 98);
}
