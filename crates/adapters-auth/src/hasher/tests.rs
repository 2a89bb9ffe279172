//! Hashing and verifying, one at a time and under load.

use std::sync::mpsc;

use domain::user::PasswordPolicy;

use super::*;

const PASSWORD: &str = "Zebra-Stripe-7";

fn hasher(cost: u32) -> BcryptHasher {
    BcryptHasher::new(cost, NonZeroUsize::MIN, 1).expect("in range")
}

async fn hashed(hasher: &BcryptHasher, password: &str) -> PasswordHash {
    let new = NewPassword::parse(password, None, PasswordPolicy::default()).expect("strong");
    hasher.hash(new).await.expect("a hash")
}

#[tokio::test]
async fn only_the_right_password_is_right() {
    let hasher = hasher(4);
    let hash = hashed(&hasher, PASSWORD).await;
    let verify = async |password: &str| hasher.verify(password, Some(hash.clone())).await.expect("a verdict");
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
    assert_eq!(hasher.verify(&longest, Some(hash.clone())).await.expect("a verdict"), Verified::Correct);
    let longer = format!("{longest}y");
    assert_eq!(hasher.verify(&longer, Some(hash)).await.expect("a verdict"), Verified::Incorrect);
}

#[tokio::test]
async fn without_a_hash_the_verdict_is_wrong_after_the_same_work() {
    for cost in [4, 5] {
        let hasher = hasher(cost);
        assert_eq!(hasher.verify(PASSWORD, None).await.expect("a verdict"), Verified::Incorrect);
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
    let wrong = hasher(6).verify("Giraffe-Spot-8", Some(old)).await;
    assert_eq!(wrong.expect("a verdict"), Verified::Incorrect);
}

#[tokio::test]
async fn a_hash_of_lower_cost_is_reported() {
    let hash = hashed(&hasher(4), PASSWORD).await;
    let verify = async |cost, hash: &PasswordHash| {
        hasher(cost).verify(PASSWORD, Some(hash.clone())).await.expect("a verdict")
    };
    assert_eq!(verify(5, &hash).await, Verified::NeedsRehash);
    let stronger = hashed(&hasher(5), PASSWORD).await;
    assert_eq!(verify(4, &stronger).await, Verified::Correct);
}

#[tokio::test]
async fn a_malformed_hash_is_a_failure_and_not_a_wrong_password() {
    for hash in ["", "x", "$2b$04$short", "$1b$04$eFNFhs119so47hNX6PzV9efb9fRTqJeJ64F4etc51Q1g.XSFa5r06"] {
        let verdict = hasher(4).verify(PASSWORD, Some(PasswordHash(hash.into()))).await;
        assert!(matches!(verdict, Err(HasherError::Failed(_))), "{hash:?}");
    }
}

#[tokio::test]
async fn a_panic_is_a_failure_and_releases_its_permits() {
    let hasher = hasher(4);
    for _ in 0..5 {
        let verdict = hasher.run::<()>(&hasher.hashing, || panic!("on purpose")).await;
        assert!(matches!(verdict, Err(HasherError::Failed(_))));
    }
    assert_eq!(hasher.verify(PASSWORD, None).await.expect("a verdict"), Verified::Incorrect);
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
            hasher.run(&hasher.hashing, job).await
        }
    });
    has_begun.await.expect("the first runs");
    let mut second = Box::pin(hasher.verify(PASSWORD, None));
    assert!(futures_poll_once(second.as_mut()).await.is_none());
    assert!(matches!(hasher.verify(PASSWORD, None).await, Err(HasherError::Busy)));
    // The job of a caller that no longer waits holds its permits until it ends.
    first.abort();
    assert!(first.await.is_err_and(|error| error.is_cancelled()));
    assert!(matches!(hasher.verify(PASSWORD, None).await, Err(HasherError::Busy)));
    release.send(()).expect("the first still runs");
    assert_eq!(second.await.expect("a verdict"), Verified::Incorrect);
    assert_eq!(hasher.verify(PASSWORD, None).await.expect("a verdict"), Verified::Incorrect);
}

type Job<'a> = std::pin::Pin<Box<dyn Future<Output = Result<(), HasherError>> + 'a>>;

#[tokio::test]
async fn a_flood_of_registrations_leaves_room_for_logins_and_vice_versa() {
    let hasher = Arc::new(BcryptHasher::new(4, NonZeroUsize::MIN, 7).expect("in range"));
    for (flooded, other) in [(&hasher.hashing, &hasher.verifying), (&hasher.verifying, &hasher.hashing)] {
        let (release, held) = mpsc::channel::<()>();
        let first = hasher.run(flooded, move || {
            held.recv().ok();
            Ok(())
        });
        let mut admitted: Vec<Job<'_>> = vec![Box::pin(first)];
        for _ in 0..5 {
            admitted.push(Box::pin(hasher.run(flooded, || Ok(()))));
        }
        for job in &mut admitted {
            assert!(futures_poll_once(job.as_mut()).await.is_none());
        }
        assert!(matches!(hasher.run(flooded, || Ok(())).await, Err(HasherError::Busy)), "its share is full");
        let mut others: Vec<_> = (0..2).map(|_| Box::pin(hasher.run(other, || Ok(())))).collect();
        for job in &mut others {
            assert!(futures_poll_once(job.as_mut()).await.is_none(), "it waits");
        }
        assert!(
            matches!(hasher.run(other, || Ok(())).await, Err(HasherError::Busy)),
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

async fn futures_poll_once<F: Future + ?Sized>(mut future: std::pin::Pin<&mut F>) -> Option<F::Output> {
    std::future::poll_fn(|context| {
        std::task::Poll::Ready(match future.as_mut().poll(context) {
            std::task::Poll::Ready(output) => Some(output),
            std::task::Poll::Pending => None,
        })
    })
    .await
}

#[test]
fn a_cost_outside_the_range_is_refused() {
    for cost in [0, 3, 16, 31] {
        assert_eq!(BcryptHasher::new(cost, NonZeroUsize::MIN, 1).err(), Some(CostOutOfRange { cost }));
    }
}
