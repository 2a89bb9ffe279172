//! Users can't reach one another's data.

use std::sync::Arc;

use domain::account::{KeepSession, PasswordSet};
use domain::session::{Device, EndReason, Rotated};
use domain::todo::query::ListQuery;
use domain::todo::{Base, Commit, Outcome, Rejection, Upsert};
use domain::{SessionId, UserId};

use crate::build::{
    T0, at, batch, complete, create, delete, ending, new_session, password_hash, replacement, restore,
    retitle, successor, todo_id, toggle, upsert, uuid,
};
use crate::{Harness, all};

/// Two users who choose the same id have two todos, each with its own history.
pub async fn two_users_may_choose_the_same_id(h: Harness) {
    let [ann, bob] = [h.user().await, h.user().await];
    let id = todo_id();
    let of_ann = h.applied(ann, create(id, "Ann's")).await;
    let of_bob = h.applied(bob, create(id, "Bob's")).await;
    assert_ne!(of_ann.number(), of_bob.number(), "numbers are unique over all users");
    let of_bob = h.applied(bob, retitle(id, Base::Version(of_bob.version()), "Bob's own")).await;
    assert_eq!(h.todo(ann, id).await, Some(of_ann.clone()));
    assert_eq!(h.todo(bob, id).await, Some(of_bob.clone()));
    let deleted = h.applied(ann, delete(id)).await;
    assert_eq!(h.everything(ann).await, [deleted]);
    assert_eq!(h.everything(bob).await, [of_bob]);
    h.assert_live(ann, 0).await;
    h.assert_live(bob, 1).await;
}

/// Many users write todos with the same ids concurrently, each their own.
pub async fn concurrent_writes_of_the_same_ids_by_different_users_do_not_interfere(h: Harness) {
    let ids: Vec<_> = (0..10).map(|_| todo_id()).collect();
    let mut users = Vec::new();
    for _ in 0..8 {
        users.push(h.user().await);
    }
    let h = Arc::new(h);
    let outcomes = all(users.clone().into_iter().map(|user| {
        let (h, ids) = (Arc::clone(&h), ids.clone());
        async move {
            let name = user.to_string();
            let created = h.apply(user, ids.iter().map(|id| create(*id, &name))).await;
            let completed = h.apply(user, ids.iter().map(|id| complete(*id, true))).await;
            [created, completed].concat()
        }
    }))
    .await;
    for (user, outcomes) in users.into_iter().zip(outcomes) {
        let applied = |outcome: &Outcome| matches!(outcome, Outcome::Applied { .. });
        assert!(outcomes.iter().all(applied), "{outcomes:#?}");
        let todos = h.everything(user).await;
        assert_eq!(todos.len(), ids.len());
        for todo in todos {
            assert_eq!(todo.title().as_str(), user.to_string());
            assert_eq!(todo.version(), 2);
        }
        h.assert_live(user, 10).await;
    }
}

/// No read and no change finds another user's todo by its id or number.
pub async fn another_users_todo_can_be_neither_seen_nor_changed(h: Harness) {
    let [ann, bob] = [h.user().await, h.user().await];
    let live = h.applied(ann, create(todo_id(), "Ann's")).await;
    h.applied(ann, create(todo_id(), "Ann's too")).await;
    let of_ann = (h.everything(ann).await, h.clock(ann).await);

    assert_eq!(h.todo(bob, live.id()).await, None);
    let by_number = h.todos.get_by_number(bob, live.number()).await.expect("get_by_number answers");
    assert_eq!(by_number, None);
    let all_there_is = ListQuery { include_deleted: true, ..ListQuery::default() };
    let page = h.list(bob, &all_there_is).await;
    assert_eq!((page.total, page.todos.len(), page.position.clock), (0, 0, T0));
    assert_eq!(h.changes(bob, None, 10).await.todos, []);
    let id = live.id();
    let changes = [retitle(id, Base::Version(1), "Bob's"), toggle(id), delete(id), restore(id)];
    assert_eq!(h.apply(bob, changes).await, [(); 4].map(|()| Outcome::NotFound));
    let synced = h.apply(bob, [upsert(id, Base::Version(1), Upsert::default())]).await;
    assert_eq!(synced, [Outcome::Rejected(Rejection::TitleRequired)]);

    assert_eq!((h.everything(ann).await, h.clock(ann).await), of_ann);
    assert_eq!(h.clock(bob).await, T0);
    assert_eq!(h.bus.so_far(bob), []);
}

/// A store reveals of another user's todo only that its id is in use, and only while the todo is
/// live.
pub async fn only_the_existence_of_another_users_todo_is_revealed(h: Harness) {
    let [ann, bob] = [h.user().await, h.user().await];
    let [of_ann, of_both] = [todo_id(), todo_id()];
    h.apply(ann, [create(of_ann, "Ann's"), create(of_both, "Ann's too")]).await;
    h.apply(bob, [create(of_both, "Bob's")]).await;
    let belongs_to_another_user = async |user, id| {
        h.todos.belongs_to_another_user(user, id).await.expect("belongs_to_another_user answers")
    };
    assert!(belongs_to_another_user(bob, of_ann).await);
    assert!(belongs_to_another_user(bob, of_both).await && belongs_to_another_user(ann, of_both).await);
    assert!(!belongs_to_another_user(ann, of_ann).await, "the user's own todo does not count");
    assert!(!belongs_to_another_user(bob, todo_id()).await);
    assert!(belongs_to_another_user(UserId(uuid()), of_ann).await);
    h.apply(ann, [delete(of_ann)]).await;
    assert!(!belongs_to_another_user(bob, of_ann).await, "a tombstone does not count");
}

/// One user's commits do not affect the other's clock, list or events.
pub async fn each_user_has_a_separate_clock(h: Harness) {
    let [ann, bob] = [h.user().await, h.user().await];
    let of_ann = h.applied_at(ann, create(todo_id(), "milk"), at(60)).await;
    assert_eq!(h.clock(bob).await, T0);
    let of_bob = h.applied(bob, create(todo_id(), "milk")).await;
    assert_eq!(of_bob.updated_at(), T0.next());
    assert_eq!(h.clock(ann).await, at(60));
    assert_eq!(h.bus.wait_for(ann, 1).await[0].todo, of_ann.into());
    assert_eq!(h.bus.wait_for(bob, 1).await[0].todo, of_bob.into());
    assert_eq!(h.bus.everything().len(), 2);
}

/// A user who does not exist has nothing, and nothing can be stored for that user.
pub async fn an_unknown_user_has_nothing(h: Harness) {
    let unknown = UserId(uuid());
    let answers = "the store answers";
    assert_eq!(h.todo(unknown, todo_id()).await, None);
    assert_eq!(h.todos.list(unknown, &ListQuery::default()).await.expect(answers), None);
    assert_eq!(h.todos.changes(unknown, None, true, 10).await.expect(answers), None);
    assert_eq!(h.todos.position(unknown).await.expect(answers), None);
    assert_eq!(h.commit(unknown, batch([create(todo_id(), "milk")]), T0).await, Commit::NoSuchUser);
    assert_eq!(h.commit(unknown, batch([]), T0).await, Commit::NoSuchUser);
    assert_eq!(h.accounts.by_id(unknown).await.expect(answers), None);
    let set = h
        .accounts
        .set_password(
            unknown,
            &password_hash("first"),
            replacement(password_hash("second"), password_change()),
            None,
            KeepSession::None,
        )
        .await;
    assert_eq!(set.expect(answers), PasswordSet::Changed);
    let ended = h.sessions.end_all(unknown, None, password_change()).await;
    assert_eq!(ended.expect(answers), []);
    let ended = h.sessions.end(unknown, SessionId(uuid()), password_change()).await;
    assert_eq!(ended.expect(answers), None);
}

/// Ending one user's sessions, by any method, ends no other user's.
pub async fn another_users_sessions_can_not_be_ended(h: Harness) {
    let [ann, bob] = [h.user().await, h.user().await];
    let answers = "the store answers";
    let session = new_session(at(1_000));
    let (id, hash) = (session.id, session.hash);
    h.sessions.open(ann, session, 20, password_change()).await.expect(answers).expect("the session opens");

    assert_eq!(h.sessions.end(bob, id, password_change()).await.expect(answers), None);
    assert_eq!(h.sessions.end_all(bob, None, password_change()).await.expect(answers), []);
    for (session, expected) in [(Some(id), PasswordSet::SessionEnded), (None, PasswordSet::Done(Vec::new()))]
    {
        let new = replacement(password_hash("second"), password_change());
        let (old, keep) = (password_hash("first"), KeepSession::Own);
        let set = h.accounts.set_password(bob, &old, new, session, keep).await;
        assert_eq!(set.expect(answers), expected);
    }
    for _ in 0..2 {
        h.sessions
            .open(bob, new_session(at(1_000)), 1, password_change())
            .await
            .expect(answers)
            .expect("the session opens");
    }

    let device = Device::default();
    let refreshed = h.sessions.rotate(&hash, successor(at(1_000)), &device, password_change()).await;
    let refreshed = refreshed.expect(answers);
    assert!(matches!(refreshed, Rotated::Done { .. }), "Ann's session is still live: {refreshed:?}");
    let user = h.accounts.by_id(ann).await.expect(answers).expect("Ann exists");
    assert_eq!(user.password, Some(password_hash("first")));
}

fn password_change() -> domain::session::Ending {
    ending(EndReason::PasswordChange, at(1))
}
