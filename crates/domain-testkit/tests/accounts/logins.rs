//! Logins during a change of the password, and logins with an outdated hash.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use domain::UserId;
use domain::account::{
    AccountService, AccountStore as _, Credentials, KeepSession, LoginOutcome, NewUser, PasswordSet,
};
use domain::session::{Device, EndReason, SessionStore as _};
use domain::user::{HashedFor, HasherError, NewPassword, PasswordHash, PasswordHasher, Verified};
use domain_testkit::build::{T0, email, ending, new_user, password_hash, replacement};
use domain_testkit::{MemoryStore, PlainHasher};

use crate::services::{ANN, NEW, OLD, Services};

/// Hashes like [`PlainHasher`]. During the first verification, another request sets the hash to
/// `then`.
struct ChangingHasher {
    store: Arc<MemoryStore>,
    user: UserId,
    then: PasswordHash,
    done: AtomicBool,
}

#[async_trait]
impl PasswordHasher for ChangingHasher {
    async fn hash(&self, password: NewPassword, on_behalf: &HashedFor) -> Result<PasswordHash, HasherError> {
        PlainHasher::default().hash(password, on_behalf).await
    }

    async fn verify(
        &self,
        password: &str,
        hash: Option<PasswordHash>,
        on_behalf: &HashedFor,
    ) -> Result<Verified, HasherError> {
        if !self.done.swap(true, Ordering::SeqCst) {
            let user =
                self.store.by_id(self.user).await.expect("the store answers").expect("the user exists");
            let (old, new) = (user.password.expect("a password"), self.then.clone());
            let ending = ending(EndReason::PasswordChange, T0);
            let set = self
                .store
                .set_password(self.user, &old, replacement(new, ending), None, KeepSession::None)
                .await;
            assert!(matches!(set.expect("the store answers"), PasswordSet::Done(_)));
        }
        PlainHasher::default().verify(password, hash, on_behalf).await
    }
}

/// A store with the account of [`ANN`], which has this password hash.
async fn registered(password: PasswordHash) -> (Services, UserId) {
    let services = Services::new();
    let new = NewUser { email: email(ANN), password, ..new_user() };
    let user = new.id;
    services.store.register(new, None, T0).await.expect("the store answers");
    (services, user)
}

async fn log_in(service: &AccountService, password: &str) -> LoginOutcome {
    let credentials = Credentials { email: email(ANN), password: password.into() };
    service.log_in(credentials, Device::default()).await.expect("the store answers")
}

/// Logs in with [`OLD`] while another request sets the password hash to `then`. Returns the outcome
/// and the number of live sessions afterwards.
async fn log_in_while_hash_becomes(then: PasswordHash) -> (LoginOutcome, usize) {
    let (services, user) = registered(password_hash(OLD)).await;
    let hasher = ChangingHasher { store: services.store.clone(), user, then, done: AtomicBool::new(false) };
    let answer = log_in(&services.accounts_with(Arc::new(hasher), None), OLD).await;
    let live = services.store.end_all(user, None, ending(EndReason::AdminRevoke, T0)).await;
    (answer, live.expect("the store answers").len())
}

#[tokio::test]
async fn a_password_changed_during_its_verification_opens_no_session() {
    let (answer, live) = log_in_while_hash_becomes(password_hash(NEW)).await;
    assert!(matches!(answer, LoginOutcome::Wrong), "{answer:?}");
    assert_eq!(live, 0);
}

#[tokio::test]
async fn a_password_rehashed_during_its_verification_is_still_right() {
    // Another login raised the cost of the same password's hash.
    let (answer, live) = log_in_while_hash_becomes(PasswordHash(format!("plain$11${OLD}"))).await;
    assert!(matches!(answer, LoginOutcome::Done(_)), "{answer:?}");
    assert_eq!(live, 1);
}

#[tokio::test]
async fn only_a_successful_login_raises_the_cost_of_an_older_hash() {
    let old = PasswordHash(format!("plain$9${OLD}"));
    let (services, user) = registered(old.clone()).await;
    let service = services.accounts();
    let hash = async || services.stored(user).await.expect("the user").password;
    assert!(matches!(log_in(&service, NEW).await, LoginOutcome::Wrong));
    assert_eq!(hash().await, Some(old));
    assert!(matches!(log_in(&service, OLD).await, LoginOutcome::Done(_)));
    assert_eq!(hash().await, Some(password_hash(OLD)));
}
