//! How an operator reads and ends sessions.

use std::time::Duration;

use domain::account::Administration;
use domain::instances::Message;
use domain::session::{EndReason, Revocation, Revoked};
use domain::{SessionId, UserId};
use domain_testkit::build::{T0, uuid};

use crate::services::{ANN, ANSWERS, Services};

const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);
/// The longest access token, and an hour for clocks apart.
const KEPT: Duration = Duration::from_hours(30 * 24 + 1);

/// What the instances learn when an operator ends this session at [`T0`].
fn ended(user: UserId, session: SessionId) -> Revocation {
    let reason = EndReason::AdminRevoke;
    Revocation { what: Revoked::Session(session), user, reason, at: T0, until: T0.plus(KEPT) }
}

#[tokio::test]
async fn an_operator_reads_the_live_sessions_and_the_last_used_first() {
    let services = Services::new();
    let [ann, bob] = [services.register(ANN).await, services.register("bob@example.com").await];
    let operator = services.administration();
    let first = services.open(ann, DAY).await;
    services.open(ann, HOUR).await;
    services.open(bob, DAY).await;
    let gone = services.open(ann, DAY).await;
    assert_eq!(operator.revoke(ann, Some(gone)).await.expect(ANSWERS), 1);
    services.clock.advance(HOUR);
    let last = services.open(ann, DAY).await;
    let sessions = operator.sessions(ann).await.expect(ANSWERS);
    assert_eq!(sessions.iter().map(|session| session.id).collect::<Vec<_>>(), [last, first]);
    assert!(sessions.iter().all(|session| session.user == ann));
    assert!(operator.sessions(UserId(uuid())).await.expect(ANSWERS).is_empty());
}

#[tokio::test]
async fn one_session_is_ended_once_and_the_others_stay() {
    let services = Services::new();
    let ann = services.register(ANN).await;
    let [stolen, own] = [services.open(ann, DAY).await, services.open(ann, DAY).await];
    let operator = services.administration();
    assert_eq!(operator.revoke(ann, Some(stolen)).await.expect(ANSWERS), 1);
    assert_eq!(services.announced.take(), [Message::Revoked]);
    assert_eq!(services.revocations().await, [ended(ann, stolen)]);
    assert_eq!(services.live(ann).await, [own]);

    assert_eq!(operator.revoke(ann, Some(stolen)).await.expect(ANSWERS), 0, "it has ended already");
    assert_eq!(services.announced.take(), []);
    assert!(services.mails().await.is_empty());
}

#[tokio::test]
async fn a_session_of_another_user_is_not_ended() {
    let services = Services::new();
    let [ann, bob] = [services.register(ANN).await, services.register("bob@example.com").await];
    let of_bob = services.open(bob, DAY).await;
    let operator = services.administration();
    for (user, session) in [(ann, of_bob), (ann, SessionId(uuid())), (UserId(uuid()), of_bob)] {
        assert_eq!(operator.revoke(user, Some(session)).await.expect(ANSWERS), 0);
    }
    assert_eq!(services.announced.take(), []);
    assert_eq!(services.live(bob).await, [of_bob]);
}

#[tokio::test]
async fn all_sessions_of_one_user_are_ended_once() {
    let services = Services::new();
    let [ann, bob] = [services.register(ANN).await, services.register("bob@example.com").await];
    let of_ann = [services.open(ann, DAY).await, services.open(ann, DAY).await];
    let of_bob = services.open(bob, DAY).await;
    let operator = services.administration();
    assert_eq!(operator.revoke(ann, None).await.expect(ANSWERS), 2);
    assert_eq!(services.announced.take(), [Message::Revoked]);
    let mut revocations = services.revocations().await;
    revocations.sort_unstable_by_key(|revocation| revocation.what);
    assert_eq!(revocations, of_ann.map(|session| ended(ann, session)));
    assert_eq!((services.live(ann).await, services.live(bob).await), (vec![], vec![of_bob]));

    for user in [ann, UserId(uuid())] {
        assert_eq!(operator.revoke(user, None).await.expect(ANSWERS), 0);
    }
    assert_eq!(services.announced.take(), []);
}

/// As beside a server on an SQLite file.
#[tokio::test]
async fn without_a_bus_the_instances_find_the_end_of_a_session_in_the_store() {
    let services = Services::new();
    let ann = services.register(ANN).await;
    let session = services.open(ann, DAY).await;
    let operator = Administration { bus: None, ..services.administration() };
    assert_eq!(operator.revoke(ann, None).await.expect(ANSWERS), 1);
    assert_eq!(services.revocations().await, [ended(ann, session)]);
}
