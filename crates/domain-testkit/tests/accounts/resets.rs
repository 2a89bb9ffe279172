//! The link that an operator makes for a user who needs a new password.

use std::time::Duration;

use domain::UserId;
use domain::account::{LoginOutcome, PasswordResetOutcome};
use domain::mail::Template;
use domain::session::{EndReason, Revoked};
use domain::user::PasswordPolicy;
use domain_testkit::build::{T0, email, uuid};

use crate::services::{ANN, ANSWERS, NEW, OLD, Services};

const HOUR: Duration = Duration::from_hours(1);

async fn set_password(services: &Services, token: &str, password: &str) -> PasswordResetOutcome {
    let policy = PasswordPolicy::default();
    services.accounts().reset_password(token, password, policy, false).await.expect(ANSWERS)
}

#[tokio::test]
async fn a_reset_sets_one_password_and_only_its_use_ends_the_sessions() {
    let services = Services::new();
    let ann = services.register(ANN).await;
    let session = services.open(ann, 2 * HOUR).await;
    let reset = services.administration().reset(ann, &email(ANN)).await.expect(ANSWERS);
    assert_eq!(reset.expires_at, T0.plus(HOUR));
    assert_eq!(services.live(ann).await, [session], "until the link is used");
    assert!(services.mails().await.is_empty(), "the operator hands the link over");
    assert!(matches!(services.log_in(ANN, OLD).await, LoginOutcome::Done(_)));

    let set = set_password(&services, &reset.token, NEW).await;
    assert!(matches!(set, PasswordResetOutcome::Done), "{set:?}");
    assert_eq!(services.live(ann).await, []);
    let ended = services.revocations().await;
    assert!(ended.iter().any(|revocation| revocation.what == Revoked::Session(session)));
    assert!(ended.iter().all(|revocation| revocation.reason == EndReason::PasswordReset));
    let templates: Vec<_> = services.mails().await.iter().map(|mail| mail.template).collect();
    assert_eq!(templates, [Template::PasswordChanged]);

    let again = set_password(&services, &reset.token, OLD).await;
    assert!(matches!(again, PasswordResetOutcome::Invalid), "{again:?}");
    assert!(matches!(services.log_in(ANN, NEW).await, LoginOutcome::Done(_)));
}

#[tokio::test]
async fn a_reset_is_good_until_it_expires() {
    let services = Services::new();
    let ann = services.register(ANN).await;
    let operator = services.administration();
    for (after, good) in [(HOUR, false), (Duration::from_mins(59), true)] {
        let reset = operator.reset(ann, &email(ANN)).await.expect(ANSWERS);
        services.clock.advance(after);
        let set = set_password(&services, &reset.token, NEW).await;
        assert_eq!(matches!(set, PasswordResetOutcome::Done), good, "after {after:?}: {set:?}");
    }
}

#[tokio::test]
async fn the_use_of_one_reset_voids_the_others() {
    let services = Services::new();
    let ann = services.register(ANN).await;
    let operator = services.administration();
    let unused = operator.reset(ann, &email(ANN)).await.expect(ANSWERS);
    let used = operator.reset(ann, &email(ANN)).await.expect(ANSWERS);
    assert!(matches!(set_password(&services, &used.token, NEW).await, PasswordResetOutcome::Done));
    assert!(matches!(set_password(&services, &unused.token, OLD).await, PasswordResetOutcome::Invalid));
}

#[tokio::test]
async fn a_reset_of_an_unknown_user_or_a_former_address_sets_nothing() {
    let services = Services::new();
    let ann = services.register(ANN).await;
    let operator = services.administration();
    for (user, address) in [(UserId(uuid()), ANN), (ann, "former@example.com")] {
        let reset = operator.reset(user, &email(address)).await.expect(ANSWERS);
        let set = set_password(&services, &reset.token, NEW).await;
        assert!(matches!(set, PasswordResetOutcome::Invalid), "{set:?}");
    }
    assert!(matches!(services.log_in(ANN, OLD).await, LoginOutcome::Done(_)));
}
