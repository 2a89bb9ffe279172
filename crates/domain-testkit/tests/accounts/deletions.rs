//! How users delete their accounts.

use std::time::Duration;

use domain::account::{DeletionOutcome, NotVerified};
use domain::session::{Principal, Scope};
use domain::{Clock as _, SessionId, UserId};
use domain_testkit::build::uuid;

use crate::services::{ANN, ANSWERS, NEW, OLD, Services};

const DAY: Duration = Duration::from_hours(24);

/// The caller of a request in this session.
fn caller(services: &Services, user: UserId, session: SessionId) -> Principal {
    let expires_at = services.clock.now().plus(DAY);
    let scopes = Scope::ALL.to_vec();
    Principal { user, subject: user.to_string(), session: Some(session), expires_at, scopes }
}

#[tokio::test]
async fn an_account_is_deleted_once_and_its_rows_in_steps() {
    let services = Services::new();
    let ann = services.register(ANN).await;
    let sessions = [services.open(ann, DAY).await, services.open(ann, DAY).await];
    let accounts = services.accounts();
    let caller = caller(&services, ann, sessions[0]);
    let wrong = accounts.delete(&caller, Some(NEW)).await.expect(ANSWERS);
    assert!(matches!(wrong, DeletionOutcome::NotVerified(NotVerified::Wrong)), "{wrong:?}");
    assert_eq!(accounts.delete_remains(10).await.expect(ANSWERS), 0, "nobody is deleted yet");

    let done = accounts.delete(&caller, Some(OLD)).await.expect(ANSWERS);
    assert!(matches!(done, DeletionOutcome::Done), "{done:?}");
    let again = accounts.delete(&caller, Some(OLD)).await.expect(ANSWERS);
    assert!(matches!(again, DeletionOutcome::NoSuchUser), "{again:?}");
    // The refresh tokens of the two sessions.
    for remaining in [1, 1, 0] {
        assert_eq!(accounts.delete_remains(1).await.expect(ANSWERS), remaining);
    }
}

#[tokio::test]
async fn a_session_that_has_ended_deletes_no_account() {
    let services = Services::new();
    let ann = services.register(ANN).await;
    let session = services.open(ann, DAY).await;
    // The request was admitted before its session ended.
    services.administration().revoke(ann, Some(session)).await.expect(ANSWERS);
    for session in [session, SessionId(uuid())] {
        let refused = services.accounts().delete(&caller(&services, ann, session), Some(OLD)).await;
        assert!(matches!(refused.expect(ANSWERS), DeletionOutcome::SessionEnded));
    }
    assert!(services.stored(ann).await.is_some());
}
