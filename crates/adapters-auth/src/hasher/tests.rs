//! Hashing and comparing, alone and many at once.

use std::sync::mpsc;

use domain::account::PasswordPolicy;

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
async fn the_right_password_and_no_other_is_right() {
    let hasher = hasher(4);
    let hash = hashed(&hasher, PASSWORD).await;
    let verify = async |password: &str| hasher.verify(password, Some(hash.clone())).await.expect("an answer");
    assert_eq!(verify(PASSWORD).await, Verified::Right);
    for other in
        ["", "zebra-stripe-7", "Zebra-Stripe-7 ", "Zebra-Stripe-7\0", "Zebra-Stripe-7\0Zebra-Stripe-7"]
    {
        assert_eq!(verify(other).await, Verified::Wrong, "{other:?}");
    }
}

#[tokio::test]
async fn bytes_beyond_the_72nd_are_not_ignored() {
    let hasher = hasher(4);
    let longest = format!("Aa1{}", "x".repeat(69));
    let hash = hashed(&hasher, &longest).await;
    assert_eq!(hasher.verify(&longest, Some(hash.clone())).await.expect("an answer"), Verified::Right);
    let longer = format!("{longest}y");
    assert_eq!(hasher.verify(&longer, Some(hash)).await.expect("an answer"), Verified::Wrong);
}

#[tokio::test]
async fn without_a_hash_the_answer_is_wrong_after_the_same_work() {
    for cost in [4, 5] {
        let hasher = hasher(cost);
        assert_eq!(hasher.verify(PASSWORD, None).await.expect("an answer"), Verified::Wrong);
        let dummy = BcryptHasher::dummy(cost).parse::<HashParts>().expect("a hash that bcrypt reads");
        assert_eq!(dummy.get_cost(), cost);
    }
}

#[tokio::test]
async fn a_wrong_password_costs_what_no_account_costs_though_its_hash_is_of_lower_cost() {
    for (had, wanted) in [(10, 10), (10, 11), (4, 12), (10, 15)] {
        let work: u64 = missing(had, wanted).map(|cost| 1 << cost).sum();
        assert_eq!((1u64 << had) + work, 1 << wanted, "{had} and {wanted}");
    }
    let old = hashed(&hasher(4), PASSWORD).await;
    let wrong = hasher(6).verify("Giraffe-Spot-8", Some(old)).await;
    assert_eq!(wrong.expect("an answer"), Verified::Wrong);
}

#[tokio::test]
async fn a_hash_of_lower_cost_is_told() {
    let hash = hashed(&hasher(4), PASSWORD).await;
    let verify = async |cost, hash: &PasswordHash| {
        hasher(cost).verify(PASSWORD, Some(hash.clone())).await.expect("an answer")
    };
    assert_eq!(verify(5, &hash).await, Verified::RightButWeak);
    let stronger = hashed(&hasher(5), PASSWORD).await;
    assert_eq!(verify(4, &stronger).await, Verified::Right);
}

#[tokio::test]
async fn what_is_no_bcrypt_hash_is_a_failure_and_not_a_wrong_password() {
    for hash in ["", "x", "$2b$04$short", "$1b$04$eFNFhs119so47hNX6PzV9efb9fRTqJeJ64F4etc51Q1g.XSFa5r06"] {
        let answer = hasher(4).verify(PASSWORD, Some(PasswordHash(hash.into()))).await;
        assert!(matches!(answer, Err(HasherError::Failed(_))), "{hash:?}");
    }
}

#[tokio::test]
async fn a_panic_is_a_failure_and_frees_its_place() {
    let hasher = hasher(4);
    for _ in 0..5 {
        let answer = hasher.run::<()>(&hasher.hashing, || panic!("on purpose")).await;
        assert!(matches!(answer, Err(HasherError::Failed(_))));
    }
    assert_eq!(hasher.verify(PASSWORD, None).await.expect("an answer"), Verified::Wrong);
}

#[tokio::test]
async fn one_runs_one_waits_and_the_third_is_told_that_it_is_busy() {
    let hasher = Arc::new(hasher(4));
    let (release, held) = mpsc::channel::<()>();
    let (begun, has_begun) = tokio::sync::oneshot::channel();
    let first = tokio::spawn({
        let hasher = hasher.clone();
        async move {
            let work = move || {
                begun.send(()).ok();
                held.recv().ok();
                Ok(())
            };
            hasher.run(&hasher.hashing, work).await
        }
    });
    has_begun.await.expect("the first runs");
    let mut second = Box::pin(hasher.verify(PASSWORD, None));
    assert!(futures_poll_once(second.as_mut()).await.is_none());
    assert!(matches!(hasher.verify(PASSWORD, None).await, Err(HasherError::Busy)));
    // A caller that goes away while its work runs leaves no room for more before the work is done.
    first.abort();
    assert!(first.await.is_err_and(|error| error.is_cancelled()));
    assert!(matches!(hasher.verify(PASSWORD, None).await, Err(HasherError::Busy)));
    release.send(()).expect("the first still runs");
    assert_eq!(second.await.expect("an answer"), Verified::Wrong);
    assert_eq!(hasher.verify(PASSWORD, None).await.expect("an answer"), Verified::Wrong);
}

type Work<'a> = std::pin::Pin<Box<dyn Future<Output = Result<(), HasherError>> + 'a>>;

#[tokio::test]
async fn a_flood_of_registrations_leaves_places_to_logins_and_the_reverse() {
    let hasher = Arc::new(BcryptHasher::new(4, NonZeroUsize::MIN, 7).expect("in range"));
    for (flooded, other) in [(&hasher.hashing, &hasher.comparing), (&hasher.comparing, &hasher.hashing)] {
        let (release, held) = mpsc::channel::<()>();
        let first = hasher.run(flooded, move || {
            held.recv().ok();
            Ok(())
        });
        let mut admitted: Vec<Work<'_>> = vec![Box::pin(first)];
        for _ in 0..5 {
            admitted.push(Box::pin(hasher.run(flooded, || Ok(()))));
        }
        for work in &mut admitted {
            assert!(futures_poll_once(work.as_mut()).await.is_none());
        }
        assert!(matches!(hasher.run(flooded, || Ok(())).await, Err(HasherError::Busy)), "its share is full");
        let mut others: Vec<_> = (0..2).map(|_| Box::pin(hasher.run(other, || Ok(())))).collect();
        for work in &mut others {
            assert!(futures_poll_once(work.as_mut()).await.is_none(), "it waits for its turn");
        }
        assert!(matches!(hasher.run(other, || Ok(())).await, Err(HasherError::Busy)), "all places are taken");
        release.send(()).expect("the first still runs");
        for work in admitted {
            work.await.expect("an answer");
        }
        for work in others {
            work.await.expect("an answer");
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
fn costs_outside_the_range_are_refused() {
    for cost in [0, 3, 16, 31] {
        assert_eq!(BcryptHasher::new(cost, NonZeroUsize::MIN, 1).err(), Some(CostOutOfRange { cost }));
    }
}
