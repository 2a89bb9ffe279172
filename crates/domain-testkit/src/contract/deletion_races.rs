//! Deletions of an account that meet each other and other writes.

use std::sync::Arc;

use domain::mail::Template;
use domain::one_time::Purpose;
use domain::session::{EndReason, OpenRefusal};
use domain::todo::{Commit, Outcome};

use super::deletion::populate;
use crate::build::{T0, at, batch, create, email_token, ending, identity, new_session, notice, todo_id};
use crate::{Harness, all};

const ANSWERS: &str = "the store answers";

/// Of concurrent deletions, exactly one succeeds.
pub async fn exactly_one_of_concurrent_deletions_succeeds(h: Harness) {
    let user = h.user().await;
    populate(&h, user).await;
    let h = Arc::new(h);
    let deleted = all((0..10).map(|_| {
        let h = Arc::clone(&h);
        async move {
            h.accounts
                .delete(
                    user,
                    None,
                    notice(Template::AccountDeleted),
                    ending(EndReason::AccountDeleted, at(5)),
                )
                .await
                .expect(ANSWERS)
        }
    }))
    .await;
    assert_eq!(deleted.iter().flatten().count(), 1, "{deleted:?}");
    assert_eq!(h.revocations(None, at(5)).await.len(), 1);
}

/// A write concurrent with the deletion of its user happens before it or finds no user. It leaves
/// nothing.
pub async fn a_deletion_concurrent_with_other_writes_leaves_nothing(h: Harness) {
    let watcher = h.user().await;
    let h = Arc::new(h);
    for round in 0..10 {
        let user = h.user().await;
        let address = h.stored(user).await.email.expect("the user has an address");
        let ids: Vec<_> = (0..8).map(|_| todo_id()).collect();
        let tasks = (0..8).map(|place| {
            let (h, id, address) = (Arc::clone(&h), ids[place], address.clone());
            async move {
                if place == 4 {
                    let end = ending(EndReason::AccountDeleted, at(5));
                    let deleted = h
                        .accounts
                        .delete(user, None, notice(Template::AccountDeleted), end)
                        .await
                        .expect(ANSWERS);
                    assert!(deleted.is_some(), "round {round}: the user exists");
                    return;
                }
                match h.commit(user, batch([create(id, "milk")]), T0).await {
                    Commit::Done(decided) => assert!(matches!(decided.outcomes[0], Outcome::Applied { .. })),
                    Commit::NoSuchUser => {}
                    Commit::StaleCursor(_) => panic!("round {round}: the batch has no cursor"),
                }
                let opening = ending(EndReason::DeviceRevoked, T0);
                let opened = h.sessions.open(user, new_session(at(1_000)), 20, opening).await.expect(ANSWERS);
                assert!(matches!(opened, Ok(_) | Err(OpenRefusal::NoSuchUser)));
                h.one_time
                    .send(email_token(Purpose::ResetPassword, Some(user), &address), T0)
                    .await
                    .expect(ANSWERS);
                let google = identity("google", &id.to_string(), None);
                h.identities
                    .link(user, None, google, notice(Template::ProviderLinked), T0)
                    .await
                    .expect(ANSWERS);
            }
        });
        all(tasks.collect::<Vec<_>>()).await;
        assert_eq!(h.accounts.by_id(user).await.expect(ANSWERS), None, "round {round}");
        for id in ids {
            assert_eq!(h.todo(user, id).await, None, "round {round}");
            assert!(!h.todos.belongs_to_another_user(watcher, id).await.expect(ANSWERS), "round {round}");
        }
        assert_eq!(h.sessions.live(user, T0).await.expect(ANSWERS), [], "round {round}");
        assert_eq!(h.identities.providers(user).await.expect(ANSWERS), [""; 0], "round {round}");
        assert_eq!(h.outbox.queued().await.expect(ANSWERS), 0, "round {round}");
        let kept = h.revocations(None, at(5)).await;
        let of_user: Vec<_> = kept.iter().filter(|revocation| revocation.user == user).collect();
        assert_eq!(of_user.len(), 1, "round {round}: {of_user:?}");
    }
}
