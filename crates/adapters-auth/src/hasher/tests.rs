//! Hashing and verifying, one at a time and under load.

use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;

use domain::limits::network;
use domain::user::PasswordPolicy;
use futures_util::FutureExt as _;
use tokio::task::unconstrained;

use super::*;

const PASSWORD: &str = "Zebra-Stripe-7";

/// Another account each time.
fn anybody() -> HashedFor {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    HashedFor { account: COUNT.fetch_add(1, Ordering::Relaxed).to_string(), network: None }
}

fn hasher(cost: u32) -> BcryptHasher {
    BcryptHasher::new(cost, NonZeroUsize::MIN, 1).expect("in range")
}

async fn hashed(hasher: &BcryptHasher, password: &str) -> PasswordHash {
    let new = NewPassword::parse(password, None, PasswordPolicy::default()).expect("strong");
    hasher.hash(new, &anybody()).await.expect("a hash")
}

#[tokio::test]
async fn only_the_right_password_is_right() {
    let hasher = hasher(4);
    let hash = hashed(&hasher, PASSWORD).await;
    let verify = async |password: &str| {
        hasher.verify(password, Some(hash.clone()), &anybody()).await.expect("a verdict")
    };
    assert_eq!(verify(PASSWORD).await, Verified::Correct);
    for other in
        ["", "zebra-stripe-7", "Zebra-Stripe-7 ", "Zebra-Stripe-7\0", "Zebra-Stripe-7\0Zebra-Stripe-7"]
    {
        assert_eq!(verify(other).await, Verified::Incorrect, "{other:?}");
    }
}

#[tokio::test]
async fn bytes_beyond_the_72nd_are_not_ignored() {
    let hasher = hasher(4);
    let longest = format!("Aa1{}", "x".repeat(69));
    let hash = hashed(&hasher, &longest).await;
    assert_eq!(
        hasher.verify(&longest, Some(hash.clone()), &anybody()).await.expect("a verdict"),
        Verified::Correct
    );
    let longer = format!("{longest}y");
    assert_eq!(hasher.verify(&longer, Some(hash), &anybody()).await.expect("a verdict"), Verified::Incorrect);
}

#[tokio::test]
async fn without_a_hash_the_verdict_is_wrong_after_the_same_work() {
    for cost in [4, 5] {
        let hasher = hasher(cost);
        assert_eq!(hasher.verify(PASSWORD, None, &anybody()).await.expect("a verdict"), Verified::Incorrect);
        let dummy = BcryptHasher::dummy_hash(cost).parse::<HashParts>().expect("a hash that bcrypt reads");
        assert_eq!(dummy.get_cost(), cost);
    }
}

#[tokio::test]
async fn a_wrong_password_takes_as_long_as_a_missing_account_even_with_a_cheaper_hash() {
    for (hash_cost, cost) in [(10, 10), (10, 11), (4, 12), (10, 15)] {
        let work: u64 = padding_costs(hash_cost, cost).map(|padding| 1 << padding).sum();
        assert_eq!((1u64 << hash_cost) + work, 1 << cost, "{hash_cost} and {cost}");
    }
    let old = hashed(&hasher(4), PASSWORD).await;
    let wrong = hasher(6).verify("Giraffe-Spot-8", Some(old), &anybody()).await;
    assert_eq!(wrong.expect("a verdict"), Verified::Incorrect);
}

#[tokio::test]
async fn a_hash_of_lower_cost_is_reported() {
    let hash = hashed(&hasher(4), PASSWORD).await;
    let verify = async |cost, hash: &PasswordHash| {
        hasher(cost).verify(PASSWORD, Some(hash.clone()), &anybody()).await.expect("a verdict")
    };
    assert_eq!(verify(5, &hash).await, Verified::NeedsRehash);
    let stronger = hashed(&hasher(5), PASSWORD).await;
    assert_eq!(verify(4, &stronger).await, Verified::Correct);
}

#[tokio::test]
async fn a_malformed_hash_is_a_failure_and_not_a_wrong_password() {
    for hash in ["", "x", "$2b$04$short", "$1b$04$eFNFhs119so47hNX6PzV9efb9fRTqJeJ64F4etc51Q1g.XSFa5r06"] {
        let verdict = hasher(4).verify(PASSWORD, Some(PasswordHash(hash.into())), &anybody()).await;
        assert!(matches!(verdict, Err(HasherError::Failed(_))), "{hash:?}");
    }
}

#[tokio::test]
async fn a_panic_is_a_failure_and_releases_its_place() {
    let hasher = hasher(4);
    for _ in 0..5 {
        let verdict = hasher.run::<()>(Kind::Hash, &anybody(), || panic!("on purpose")).await;
        assert!(matches!(verdict, Err(HasherError::Failed(_))));
    }
    assert_eq!(hasher.verify(PASSWORD, None, &anybody()).await.expect("a verdict"), Verified::Incorrect);
}

#[tokio::test]
async fn one_job_runs_one_waits_and_the_third_is_refused_as_busy() {
    let hasher = Arc::new(hasher(4));
    let (release, held) = mpsc::channel::<()>();
    let (begun, has_begun) = tokio::sync::oneshot::channel();
    let first = tokio::spawn({
        let hasher = hasher.clone();
        async move {
            let job = move || {
                begun.send(()).ok();
                held.recv().ok();
                Ok(())
            };
            hasher.run(Kind::Verify, &anybody(), job).await
        }
    });
    has_begun.await.expect("the first runs");
    let bob = anybody();
    let mut second = Box::pin(hasher.verify(PASSWORD, None, &bob));
    assert!(second.as_mut().now_or_never().is_none());
    assert!(matches!(hasher.verify(PASSWORD, None, &anybody()).await, Err(HasherError::Busy)));
    // The job of a caller that no longer waits holds its place until it ends.
    first.abort();
    assert!(first.await.is_err_and(|error| error.is_cancelled()));
    assert!(matches!(hasher.verify(PASSWORD, None, &anybody()).await, Err(HasherError::Busy)));
    release.send(()).expect("the first still runs");
    assert_eq!(second.await.expect("a verdict"), Verified::Incorrect);
    assert_eq!(hasher.verify(PASSWORD, None, &anybody()).await.expect("a verdict"), Verified::Incorrect);
}

type Job<'a> = std::pin::Pin<Box<dyn Future<Output = Result<(), HasherError>> + 'a>>;

/// Occupies the only place of a hasher until the returned sender is used or dropped.
fn occupy(hasher: &BcryptHasher) -> (mpsc::Sender<()>, Job<'_>) {
    let (release, held) = mpsc::channel::<()>();
    let mut first: Job<'_> = Box::pin(async move {
        let job = move || {
            held.recv().ok();
            Ok(())
        };
        hasher.run(Kind::Verify, &anybody(), job).await
    });
    assert!(first.as_mut().now_or_never().is_none(), "it runs");
    (release, first)
}

/// Begins a job, and returns it if it waits.
fn begin<'a>(hasher: &'a BcryptHasher, kind: Kind, of: &HashedFor) -> Option<Job<'a>> {
    let of = of.clone();
    let job = async move { hasher.run(kind, &of, || Ok(())).await };
    // Otherwise a test that begins many jobs makes them wait for the test itself to yield.
    let mut job: Job<'a> = Box::pin(unconstrained(job));
    match job.as_mut().now_or_never() {
        None => Some(job),
        Some(Ok(())) => panic!("no place is free"),
        Some(Err(_)) => None,
    }
}

fn from(account: usize, address: &str) -> HashedFor {
    let address: IpAddr = address.parse().expect("an address");
    HashedFor { account: account.to_string(), network: Some(network(address)) }
}

#[tokio::test]
async fn accounts_and_networks_leave_room_for_others_however_many_jobs_they_have() {
    let hasher = BcryptHasher::new(4, NonZeroUsize::MIN, 31).expect("in range");
    let (release, first) = occupy(&hasher);
    // Three accounts from anywhere, then ten accounts of one network.
    let anywhere = (0..60).map(|n| HashedFor { account: format!("a{}", n % 3), network: None });
    let flood: Vec<_> = anywhere.chain((0..60).map(|n| from(n % 10, "192.0.2.1"))).collect();
    let running: Vec<_> = flood.iter().filter_map(|of| begin(&hasher, Kind::Verify, of)).collect();
    assert_eq!(hasher.turns.waiting(Kind::Verify), 3 * SLOTS_PER_ACCOUNT + 32 / 4);
    let other = begin(&hasher, Kind::Verify, &from(100, "192.0.2.2")).expect("it waits");
    assert_eq!(hasher.turns.waiting(Kind::Verify), 3 * SLOTS_PER_ACCOUNT + 32 / 4 + 1);
    release.send(()).expect("the first still runs");
    let (first, other, _) = tokio::join!(first, other, futures_util::future::join_all(running));
    first.and(other).expect("both run");
}

#[tokio::test]
async fn a_flood_from_many_networks_of_one_provider_does_not_refuse_others() {
    let hasher = BcryptHasher::new(4, NonZeroUsize::MIN, 16).expect("in range");
    let (release, first) = occupy(&hasher);
    let begin_from = |n: usize, address: &str| begin(&hasher, Kind::Verify, &from(n, address));
    let flood: Vec<_> = (0..100).filter_map(|n| begin_from(n, &format!("2001:db8:{n:x}::1"))).collect();
    assert_eq!(flood.len(), 16, "the queue is full");
    let ann = begin_from(100, "2001:db9::1").expect("she waits");
    assert!(begin_from(101, "2001:db8:ffff::1").is_none(), "the flood is refused");
    release.send(()).expect("the first still runs");
    let (first, ann, flood) = tokio::join!(first, ann, futures_util::future::join_all(flood));
    first.and(ann).expect("both run");
    assert_eq!(flood.iter().filter(|job| job.is_err()).count(), 1, "her place was one of the flood's");
}

#[tokio::test]
async fn logins_that_find_the_threads_busy_wait_for_their_turn_instead_of_being_refused() {
    let hasher = BcryptHasher::new(4, NonZeroUsize::MIN, 64).expect("in range");
    let (release, first) = occupy(&hasher);
    // Each from a provider of its own, so that only the order of arrival counts.
    let flood: Vec<_> = (0..60)
        .map(|n| begin(&hasher, Kind::Verify, &from(n, &format!("10.{n}.0.1"))).expect("it waits"))
        .collect();
    let ann = begin(&hasher, Kind::Verify, &from(100, "192.0.2.1")).expect("she waits");
    release.send(()).expect("the first still runs");
    let (first, ann, flood) = tokio::join!(first, ann, futures_util::future::join_all(flood));
    first.and(ann).expect("both run");
    assert!(flood.iter().all(Result::is_ok));
}

#[tokio::test]
async fn a_flood_of_registrations_leaves_room_for_logins_and_vice_versa() {
    let hasher = BcryptHasher::new(4, NonZeroUsize::MIN, 6).expect("in range");
    for (flooded, other) in [(Kind::Hash, Kind::Verify), (Kind::Verify, Kind::Hash)] {
        let (release, first) = occupy(&hasher);
        let begin_many = |kind| (0..10).filter_map(|_| begin(&hasher, kind, &anybody())).collect();
        let mut jobs: Vec<Job<'_>> = begin_many(flooded);
        assert_eq!(jobs.len(), 6, "its queue is full");
        let others: Vec<Job<'_>> = begin_many(other);
        assert_eq!(others.len(), 6, "the other has its own");
        jobs.extend(others);
        jobs.push(first);
        release.send(()).expect("the first still runs");
        for job in futures_util::future::join_all(jobs).await {
            job.expect("it runs");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_job_that_gets_no_turn_in_ten_seconds_is_refused_and_leaves_the_queue() {
    let hasher = hasher(4);
    // The place of a job that never ends.
    let party = Party::Account("ann".into());
    let _held = hasher.turns.enter(Kind::Verify, party).await.expect("a place");
    let begun = tokio::time::Instant::now();
    assert!(matches!(hasher.verify(PASSWORD, None, &anybody()).await, Err(HasherError::Busy)));
    assert_eq!((begun.elapsed().as_secs(), hasher.turns.waiting(Kind::Verify)), (10, 0));
}

#[test]
fn a_cost_outside_the_range_is_refused() {
    for cost in [0, 3, 16, 31] {
        assert_eq!(BcryptHasher::new(cost, NonZeroUsize::MIN, 1).err(), Some(CostOutOfRange { cost }));
    }
}
