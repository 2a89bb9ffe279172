//! The shared rate limiter with a real Redis.

#![expect(clippy::expect_used, reason = "helpers of tests report a failure by panicking")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use adapters_redis::RedisRateLimiter;
use async_trait::async_trait;
use domain::limits::{Charge, LimitKey, Quota, RateLimiter};
use domain::{Stamp, UserId};
use domain_testkit::check_rate_limiter;
use redis_testbed::RedisServer;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use uuid::Uuid;

const QUOTA: Quota = Quota::new(5, Duration::from_hours(1));
/// Upper bound of every wait. Only a failing test waits this long.
const DEADLINE: Duration = Duration::from_mins(1);

/// A limiter that allows everything, and counts how often it is asked.
#[derive(Default)]
struct Fallback(AtomicUsize);

#[async_trait]
impl RateLimiter for Fallback {
    async fn charge(&self, _: &LimitKey, quota: Quota, _: Stamp) -> Charge {
        self.0.fetch_add(1, Ordering::Relaxed);
        Charge { allowed: true, remaining: 77, retry_after: Duration::ZERO, quota }
    }

    async fn refund(&self, _: &LimitKey, _: Quota, _: Stamp) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// One instance's limiter, connected as long as it lives.
struct Instance {
    limiter: Arc<RedisRateLimiter>,
    fallback: Arc<Fallback>,
    outages: Arc<AtomicUsize>,
    _tasks: JoinSet<()>,
}

impl Instance {
    /// An instance whose charges wait for Redis until `timeout`.
    async fn start(server: &RedisServer, timeout: Duration) -> Self {
        let url = server.url();
        let fallback = Arc::new(Fallback::default());
        let limiter = RedisRateLimiter::new(&url, &[7; 32], timeout, fallback.clone()).expect("a valid URL");
        let (limiter, outages) = (Arc::new(limiter), Arc::new(AtomicUsize::new(0)));
        let (running, counting) = (limiter.clone(), outages.clone());
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let report = |state: Result<(), &str>| {
                counting.fetch_add(usize::from(state.is_err()), Ordering::Relaxed);
            };
            running.run(report).await;
        });
        let instance = Self { limiter, fallback, outages, _tasks: tasks };
        instance.until(true).await;
        instance
    }

    async fn until(&self, up: bool) {
        let reached = async {
            while self.limiter.is_up() != up {
                sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(DEADLINE, reached).await.unwrap_or_else(|_| panic!("the limiter is not up = {up}"));
    }

    async fn charge(&self, user: u128) -> Charge {
        self.limiter.charge(&key(user), QUOTA, Stamp::EPOCH).await
    }

    fn asked_fallback(&self) -> usize {
        self.fallback.0.load(Ordering::Relaxed)
    }
}

fn key(user: u128) -> LimitKey {
    LimitKey::Api(UserId(Uuid::from_u128(user)))
}

#[tokio::test]
async fn redis_counts_as_the_domain_decides() {
    let server = RedisServer::start();
    let instance = Instance::start(&server, DEADLINE).await;
    check_rate_limiter(&*instance.limiter).await;
    assert_eq!(instance.asked_fallback(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn concurrent_charges_of_several_instances_are_granted_exactly_one_quota() {
    let server = RedisServer::start();
    let instances = [Instance::start(&server, DEADLINE).await, Instance::start(&server, DEADLINE).await];
    let mut charges = JoinSet::new();
    for n in 0..200 {
        let limiter = instances[n % 2].limiter.clone();
        charges.spawn(async move { limiter.charge(&key(1), QUOTA, Stamp::EPOCH).await.allowed });
    }
    let granted = charges.join_all().await.into_iter().filter(|allowed| *allowed).count();
    assert_eq!(granted, 5);
    assert_eq!(instances.each_ref().map(Instance::asked_fallback), [0, 0]);
}

#[tokio::test]
async fn keys_expire_when_their_whole_quota_is_available_and_name_nothing() {
    let server = RedisServer::start();
    let instance = Instance::start(&server, DEADLINE).await;
    let key = LimitKey::LoginTo("ann@example.com".to_owned());
    instance.limiter.charge(&key, QUOTA, Stamp::EPOCH).await;
    let keys = server.command("KEYS todo-sync:limit:login-to:*");
    let name = keys.lines().find(|line| line.starts_with("todo-sync")).expect("one key").to_owned();
    assert!(!keys.contains("ann"), "{keys}");
    let left = server.command(&format!("PTTL {name}"));
    let left: u128 = left.trim_start_matches(':').parse().expect("a time to live");
    assert!(left <= QUOTA.interval().as_millis() && left > 0, "{left}");
    instance.limiter.refund(&key, QUOTA, Stamp::EPOCH).await;
    assert_eq!(server.command(&format!("EXISTS {name}")), ":0");
}

#[tokio::test]
async fn a_killed_redis_is_replaced_until_it_is_back_with_nothing_counted() {
    let mut server = RedisServer::start();
    let instance = Instance::start(&server, DEADLINE).await;
    for remaining in (0..5).rev() {
        assert_eq!(instance.charge(1).await.remaining, remaining);
    }
    assert!(!instance.charge(1).await.allowed);
    server.kill();
    // The first charge may find out itself.
    assert_eq!(instance.charge(1).await.remaining, 77);
    instance.until(false).await;
    assert_eq!(instance.charge(1).await.remaining, 77);
    server.start_again();
    instance.until(true).await;
    assert_eq!(instance.charge(1).await.remaining, 4);
}

#[tokio::test]
async fn a_frozen_redis_delays_the_charges_that_wait_for_it_and_no_others() {
    let server = RedisServer::start();
    let instance = Instance::start(&server, Duration::from_secs(5)).await;
    server.freeze();
    let mut waiting = JoinSet::new();
    for user in 0..10 {
        let limiter = instance.limiter.clone();
        waiting.spawn(async move { limiter.charge(&key(user), QUOTA, Stamp::EPOCH).await.remaining });
    }
    assert_eq!(waiting.join_all().await, [77; 10]);
    assert!(!instance.limiter.is_up());
    // While it is frozen, connections are accepted and nothing is answered: charges do not wait for that.
    let many = async {
        for user in 0..10_000 {
            assert_eq!(instance.charge(user).await.remaining, 77);
        }
    };
    timeout(DEADLINE, many).await.expect("no charge waits");
    assert!(!instance.limiter.is_up());
    server.thaw();
    instance.until(true).await;
    // What it was sent before it froze, it counts now: another user shows that it counts.
    assert_eq!(instance.charge(20_000).await.remaining, 4);
}

#[tokio::test]
async fn a_redis_that_refuses_to_write_does_not_count() {
    let server = RedisServer::start();
    let instance = Instance::start(&server, DEADLINE).await;
    assert_eq!(server.command("CONFIG SET maxmemory 1"), "+OK");
    assert_eq!(instance.charge(1).await.remaining, 77);
    instance.until(false).await;
    let before = instance.outages.load(Ordering::Relaxed);
    let attempts = async {
        while instance.outages.load(Ordering::Relaxed) < before + 2 {
            assert!(!instance.limiter.is_up(), "it answers a PING, and counts nothing");
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(DEADLINE, attempts).await.expect("it is tried again");
    assert_eq!(server.command("CONFIG SET maxmemory 0"), "+OK");
    instance.until(true).await;
    assert_eq!(instance.charge(1).await.remaining, 4);
}

#[tokio::test]
async fn a_redis_that_forgot_the_script_is_sent_it_again() {
    let server = RedisServer::start();
    let instance = Instance::start(&server, DEADLINE).await;
    assert_eq!(instance.charge(1).await.remaining, 4);
    assert_eq!(server.command("SCRIPT FLUSH"), "+OK");
    assert_eq!(instance.charge(1).await.remaining, 3);
    assert_eq!(instance.asked_fallback(), 0);
}
