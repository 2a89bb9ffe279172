//! What an operator changes in accounts, and what the running instances and the owners are told of it.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use domain::UserId;
use domain::account::{Administration, CreationOutcome, LoginOutcome};
use domain::instances::Message;
use domain::mail::{NewMail, Template};
use domain::session::{EndReason, Revocation, Revoked};
use domain::user::{
    HashedFor, HasherError, NewPassword, PasswordHash, PasswordHasher, PasswordPolicy, User, Verified,
    WeakPassword,
};
use domain_testkit::build::{T0, display_name, email, uuid};

use crate::services::{ANN, ANSWERS, NEW, OLD, Services};

const DAY: Duration = Duration::from_hours(24);

/// The account that [`Administration::create`] makes for [`ANN`].
async fn created(operator: &Administration, password: Option<&str>, policy: PasswordPolicy) -> User {
    match operator.create(email(ANN), None, password, policy).await.expect(ANSWERS) {
        CreationOutcome::Done(user) => *user,
        refused => panic!("{refused:?}"),
    }
}

#[tokio::test]
async fn a_user_is_found_by_id_and_by_address() {
    let services = Services::new();
    let (ann, _) = (services.register(ANN).await, services.register("bob@example.com").await);
    let operator = services.administration();
    let find = async |name: &str| operator.find(name).await.expect(ANSWERS).map(|user| user.id);
    assert_eq!(find(&ann.to_string()).await, Some(ann));
    assert_eq!(find("Ann@EXAMPLE.com").await, Some(ann));
    for unknown in [&*uuid().to_string(), "carl@example.com", "ann", ""] {
        assert_eq!(find(unknown).await, None, "{unknown}");
    }
}

/// More users than two pages hold.
#[tokio::test]
async fn every_user_is_listed_once_in_the_order_of_ids() {
    let services = Services::new();
    let mut users = Vec::new();
    for number in 0..401 {
        users.push(services.register(&format!("{number}@example.com")).await);
    }
    users.sort_unstable();
    let mut listed = Vec::new();
    services.administration().list(|user| listed.push(user.id)).await.expect(ANSWERS);
    assert_eq!(listed, users);
}

#[tokio::test]
async fn a_created_account_logs_in_with_its_password_and_is_told_nothing() {
    let services = Services::new();
    let operator = services.administration();
    let name = Some(display_name("Ann"));
    let outcome = operator.create(email(ANN), name.clone(), Some(OLD), PasswordPolicy::default()).await;
    let CreationOutcome::Done(user) = outcome.expect(ANSWERS) else { panic!("the address is free") };
    assert_eq!((&user.display_name, user.email_verified, user.created_at), (&name, false, T0));
    assert_eq!(services.stored(user.id).await, Some(*user));
    assert!(matches!(services.log_in(ANN, OLD).await, LoginOutcome::Done(_)));
    assert!(services.mails().await.is_empty(), "no email asks to verify the address");
    assert_eq!(services.announced.take(), []);
}

#[tokio::test]
async fn an_account_created_without_a_password_admits_no_login_until_one_is_set() {
    let services = Services::new();
    let operator = services.administration();
    // The policy that asks for most.
    let user = created(&operator, None, PasswordPolicy { special: true }).await;
    for guess in ["", OLD, ANN] {
        assert!(matches!(services.log_in(ANN, guess).await, LoginOutcome::Wrong), "{guess}");
    }
    let other = operator.create(email("bob@example.com"), None, None, PasswordPolicy::default()).await;
    let CreationOutcome::Done(other) = other.expect(ANSWERS) else { panic!("the address is free") };
    assert_ne!(user.password, other.password, "each is random");

    let reset = operator.reset(user.id, &email(ANN)).await.expect(ANSWERS);
    let policy = PasswordPolicy::default();
    services.accounts().reset_password(&reset.token, NEW, policy, false).await.expect(ANSWERS);
    assert!(matches!(services.log_in(ANN, NEW).await, LoginOutcome::Done(_)));
}

#[tokio::test]
async fn creating_an_account_again_leaves_the_first_as_it_is() {
    let services = Services::new();
    let operator = services.administration();
    let first = created(&operator, Some(OLD), PasswordPolicy::default()).await;
    let again = operator.create(email("ANN@example.com"), None, Some(NEW), PasswordPolicy::default()).await;
    assert!(matches!(again.expect(ANSWERS), CreationOutcome::Taken));
    assert_eq!(services.stored(first.id).await, Some(first));
}

#[tokio::test]
async fn a_password_against_the_policy_creates_nothing() {
    let services = Services::new();
    let operator = services.administration();
    let special = PasswordPolicy { special: true };
    let without_special = "Zebra7Stripe";
    for (password, policy) in [("short", PasswordPolicy::default()), (without_special, special)] {
        let refused = operator.create(email(ANN), None, Some(password), policy).await.expect(ANSWERS);
        let CreationOutcome::Weak(WeakPassword::Missing { missing }) = refused else { panic!("{refused:?}") };
        assert!(!missing.is_empty());
    }
    assert_eq!(operator.find(ANN).await.expect(ANSWERS), None);
    created(&operator, Some(without_special), PasswordPolicy::default()).await;
}

/// A hasher without a free thread.
struct BusyHasher;

#[async_trait]
impl PasswordHasher for BusyHasher {
    async fn hash(&self, _: NewPassword, _: &HashedFor) -> Result<PasswordHash, HasherError> {
        Err(HasherError::Busy)
    }

    async fn verify(&self, _: &str, _: Option<PasswordHash>, _: &HashedFor) -> Result<Verified, HasherError> {
        Err(HasherError::Busy)
    }
}

#[tokio::test]
async fn a_failure_of_the_hasher_creates_nothing() {
    let services = Services::new();
    let operator = Administration { hasher: Arc::new(BusyHasher), ..services.administration() };
    let refused = operator.create(email(ANN), None, Some(OLD), PasswordPolicy::default()).await;
    assert!(matches!(refused.expect(ANSWERS), CreationOutcome::Hasher(HasherError::Busy)));
    assert_eq!(operator.find(ANN).await.expect(ANSWERS), None);
}

#[tokio::test]
async fn a_disabled_account_logs_in_again_once_it_is_enabled() {
    let services = Services::new();
    let ann = services.register(ANN).await;
    let session = services.open(ann, DAY).await;
    let operator = services.administration();
    // A repetition is announced too, in case that no instance heard the first.
    for active in [false, false, true] {
        assert!(operator.set_active(ann, active).await.expect(ANSWERS));
        assert_eq!(services.announced.take(), [Message::Revoked]);
        assert_eq!(services.disabled().await, if active { vec![] } else { vec![ann] });
        assert_eq!(services.live(ann).await, [session], "its sessions stay");
        let refused = matches!(services.log_in(ANN, OLD).await, LoginOutcome::Disabled);
        assert_eq!(refused, !active);
    }
    assert!(services.mails().await.is_empty());
}

#[tokio::test]
async fn disabling_an_unknown_user_announces_nothing() {
    let services = Services::new();
    let operator = services.administration();
    for active in [false, true] {
        assert!(!operator.set_active(UserId(uuid()), active).await.expect(ANSWERS));
    }
    assert_eq!(services.announced.take(), []);
}

#[tokio::test]
async fn an_address_is_verified_while_the_user_has_it() {
    let services = Services::new();
    let ann = services.register(ANN).await;
    let operator = services.administration();
    let verified = async || services.stored(ann).await.expect("the user exists").email_verified;
    assert!(!operator.verify(ann, &email("former@example.com")).await.expect(ANSWERS));
    assert!(!operator.verify(UserId(uuid()), &email(ANN)).await.expect(ANSWERS));
    assert!(!verified().await);
    for _ in 0..2 {
        assert!(operator.verify(ann, &email(ANN)).await.expect(ANSWERS));
        assert!(verified().await);
    }
    assert!(services.mails().await.is_empty());
}

#[tokio::test]
async fn a_deletion_ends_every_token_and_tells_the_verified_address_once() {
    let services = Services::new();
    let ann = services.register(ANN).await;
    services.open(ann, DAY).await;
    let operator = services.administration();
    operator.verify(ann, &email(ANN)).await.expect(ANSWERS);

    assert!(operator.delete(ann).await.expect(ANSWERS));
    assert_eq!(services.stored(ann).await, None);
    assert_eq!(services.announced.take(), [Message::Revoked]);
    // As long as the longest access token, and an hour for clocks apart.
    let until = T0.plus(30 * DAY + Duration::from_hours(1));
    let reason = EndReason::AccountDeleted;
    let all = Revocation { what: Revoked::User(ann), user: ann, reason, at: T0, until };
    assert_eq!(services.revocations().await, [all]);
    let [NewMail { template, to, user, .. }] = &services.mails().await[..] else { panic!("one email") };
    assert_eq!((*template, to.as_str(), *user), (Template::AccountDeleted, ANN, None));

    assert!(!operator.delete(ann).await.expect(ANSWERS), "it is deleted already");
    assert_eq!(services.announced.take(), []);
    assert!(services.mails().await.is_empty());
    created(&operator, Some(OLD), PasswordPolicy::default()).await;
}

#[tokio::test]
async fn a_deletion_writes_to_no_address_that_is_not_verified() {
    let services = Services::new();
    let ann = services.register(ANN).await;
    assert!(services.administration().delete(ann).await.expect(ANSWERS));
    assert!(services.mails().await.is_empty());
}

#[tokio::test]
async fn an_outage_changes_and_announces_nothing() {
    let services = Services::new();
    let ann = services.register(ANN).await;
    let session = services.open(ann, DAY).await;
    let before = services.stored(ann).await;
    let operator = services.administration();
    services.store.set_available(false);
    assert!(operator.find(ANN).await.is_err());
    assert!(operator.invite(&email("bob@example.com")).await.is_err());
    assert!(operator.sessions(ann).await.is_err());
    assert!(operator.export(ann).await.is_err());
    assert!(operator.list(|_| ()).await.is_err());
    assert!(operator.set_active(ann, false).await.is_err());
    assert!(operator.verify(ann, &email(ANN)).await.is_err());
    assert!(operator.reset(ann, &email(ANN)).await.is_err());
    assert!(operator.revoke(ann, None).await.is_err());
    assert!(operator.delete(ann).await.is_err());
    let creation = operator.create(email("bob@example.com"), None, Some(OLD), PasswordPolicy::default());
    assert!(creation.await.is_err());
    services.store.set_available(true);
    assert_eq!(services.announced.take(), []);
    assert_eq!(services.stored(ann).await, before);
    assert_eq!(services.live(ann).await, [session]);
}
