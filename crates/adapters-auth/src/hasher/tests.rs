//! Hashing and verifying, one at a time and under load.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;

use domain::user::PasswordPolicy;
use futures_util::FutureExt as _;

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
async fn a_panic_is_a_failure_and_releases_its_permits() {
    let hasher = hasher(4);
    for _ in 0..5 {
        let verdict = hasher.run::<()>(&hasher.hashing, &anybody(), || panic!("on purpose")).await;
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
            hasher.run(&hasher.hashing, &anybody(), job).await
        }
    });
    has_begun.await.expect("the first runs");
    let bob = anybody();
    let mut second = Box::pin(hasher.verify(PASSWORD, None, &bob));
    assert!(second.as_mut().now_or_never().is_none());
    assert!(matches!(hasher.verify(PASSWORD, None, &anybody()).await, Err(HasherError::Busy)));
    // The job of a caller that no longer waits holds its permits until it ends.
    first.abort();
    assert!(first.await.is_err_and(|error| error.is_cancelled()));
    assert!(matches!(hasher.verify(PASSWORD, None, &anybody()).await, Err(HasherError::Busy)));
    release.send(()).expect("the first still runs");
    assert_eq!(second.await.expect("a verdict"), Verified::Incorrect);
    assert_eq!(hasher.verify(PASSWORD, None, &anybody()).await.expect("a verdict"), Verified::Incorrect);
}

#[tokio::test]
async fn accounts_and_networks_leave_slots_for_others_however_many_jobs_they_have() {
    let capacity = 32;
    let hasher = Arc::new(BcryptHasher::new(4, NonZeroUsize::MIN, capacity - 1).expect("in range"));
    let (release, held) = mpsc::channel::<()>();
    let of = |account: usize, network: Option<u8>| HashedFor {
        account: account.to_string(),
        network: network.map(|last| domain::limits::network([192, 0, 2, last].into())),
    };
    // Three accounts from anywhere, then ten accounts of one network.
    let flood = (0..60).map(|n| of(n % 3, None)).chain((0..60).map(|n| of(10 + n % 10, Some(1))));
    let jobs: Vec<_> = flood.collect();
    let first = of(0, None);
    let mut running: Vec<Job<'_>> = vec![Box::pin(hasher.run(&hasher.verifying, &first, move || {
        held.recv().ok();
        Ok(())
    }))];
    running.extend(
        jobs.iter().map(|job| -> Job<'_> { Box::pin(hasher.run(&hasher.verifying, job, || Ok(()))) }),
    );
    running.retain_mut(|job| job.as_mut().now_or_never().is_none());
    assert_eq!(hasher.admitted.available_permits(), capacity - 3 * 2 - capacity / 4);
    // Another account is admitted at once.
    let bob = of(100, Some(2));
    let mut other = Box::pin(hasher.run(&hasher.verifying, &bob, || Ok(())));
    assert!(other.as_mut().now_or_never().is_none());
    assert_eq!(hasher.admitted.available_permits(), capacity - 3 * 2 - capacity / 4 - 1);
    release.send(()).expect("the first still runs");
    let (other, ..) = tokio::join!(other, futures_util::future::join_all(running));
    other.expect("a verdict");
}

type Job<'a> = std::pin::Pin<Box<dyn Future<Output = Result<(), HasherError>> + 'a>>;

async fn run(
    hasher: &BcryptHasher,
    share: &Arc<Semaphore>,
    job: impl FnOnce() -> Result<(), BcryptError> + Send + 'static,
) -> Result<(), HasherError> {
    hasher.run(share, &anybody(), job).await
}

#[tokio::test]
async fn a_flood_of_registrations_leaves_room_for_logins_and_vice_versa() {
    let hasher = Arc::new(BcryptHasher::new(4, NonZeroUsize::MIN, 7).expect("in range"));
    for (flooded, other) in [(&hasher.hashing, &hasher.verifying), (&hasher.verifying, &hasher.hashing)] {
        let (release, held) = mpsc::channel::<()>();
        let first = run(&hasher, flooded, move || {
            held.recv().ok();
            Ok(())
        });
        let mut admitted: Vec<Job<'_>> = vec![Box::pin(first)];
        for _ in 0..5 {
            admitted.push(Box::pin(run(&hasher, flooded, || Ok(()))));
        }
        for job in &mut admitted {
            assert!(job.as_mut().now_or_never().is_none());
        }
        assert!(
            matches!(run(&hasher, flooded, || Ok(())).await, Err(HasherError::Busy)),
            "its share is full"
        );
        let mut others: Vec<_> = (0..2).map(|_| Box::pin(run(&hasher, other, || Ok(())))).collect();
        for job in &mut others {
            assert!(job.as_mut().now_or_never().is_none(), "it waits");
        }
        assert!(
            matches!(run(&hasher, other, || Ok(())).await, Err(HasherError::Busy)),
            "the capacity is exhausted"
        );
        release.send(()).expect("the first still runs");
        for job in admitted {
            job.await.expect("a verdict");
        }
        for job in others {
            job.await.expect("a verdict");
        }
    }
}

#[test]
fn a_cost_outside_the_range_is_refused() {
    for cost in [0, 3, 16, 31] {
        assert_eq!(BcryptHasher::new(cost, NonZeroUsize::MIN, 1).err(), Some(CostOutOfRange { cost }));
    }
}
