//! A refused batch leaves nothing behind, and does not affect concurrent batches.

use std::sync::Arc;

use domain::UserId;
use domain::account::Registered;
use domain::sync::Cursor;
use domain::todo::{Base, Batch, Commit, Outcome};

use crate::build::{T0, all_or_nothing, at, batch, create, delete, new_user, retitle, todo_id, toggle, uuid};
use crate::{Harness, all};

/// One change that fails refuses an all-or-nothing batch: rows, clock, count and events stay as
/// they were.
pub async fn a_failed_all_or_nothing_batch_writes_nothing(h: Harness) {
    let user = h.user().await;
    let [kept, deleted] = [todo_id(), todo_id()];
    h.apply(user, [create(kept, "kept"), create(deleted, "gone"), delete(deleted)]).await;
    let (todos, clock) = (h.everything(user).await, h.clock(user).await);

    let failing = [retitle(kept, Base::Version(9), "stale"), toggle(todo_id()), create(kept, "other")];
    for failing_change in failing {
        let new = todo_id();
        let request = all_or_nothing([create(new, "new"), toggle(kept), failing_change, delete(kept)]);
        let outcomes = h.decide(user, request, at(5)).await;
        assert!(
            matches!(outcomes[0], Outcome::Applied { .. }),
            "each change still has its outcome: {outcomes:#?}"
        );
        assert!(!matches!(outcomes[2], Outcome::Applied { .. } | Outcome::Unchanged { .. }), "{outcomes:#?}");
        assert_eq!(h.todo(user, new).await, None);
        assert_eq!(h.everything(user).await, todos);
        assert_eq!(h.clock(user).await, clock);
        h.assert_live(user, 1).await;
    }
    let fence = h.applied(user, create(todo_id(), "fence")).await;
    assert_eq!(
        h.bus.wait_until(user, fence.updated_at()).await.len(),
        3 + 1,
        "nothing of the refused batches is published"
    );
}

/// An all-or-nothing batch whose changes all succeed is written.
pub async fn a_successful_all_or_nothing_batch_writes_everything(h: Harness) {
    let user = h.user().await;
    let [a, b] = [todo_id(), todo_id()];
    let outcomes = h.decide(user, all_or_nothing([create(a, "a"), create(b, "b"), create(a, "a")]), T0).await;
    assert!(matches!(outcomes[2], Outcome::Unchanged { .. }), "a repeat succeeds: {outcomes:#?}");
    assert_eq!(h.everything(user).await.len(), 2);
    h.assert_live(user, 2).await;
}

/// A batch for a user who does not exist has no effect on a user who registers later with that id.
pub async fn a_batch_of_an_unknown_user_leaves_nothing(h: Harness) {
    let newcomer = new_user();
    let id = todo_id();
    assert_eq!(h.commit(newcomer.id, batch([create(id, "early")]), at(9)).await, Commit::NoSuchUser);
    let user = newcomer.id;
    let registered = h.accounts.register(newcomer, None, T0).await.expect("register answers");
    assert!(matches!(registered, Registered::Done(_)));
    assert_eq!(h.everything(user).await, []);
    assert_eq!(h.clock(user).await, T0);
    h.assert_live(user, 0).await;
    assert_eq!(h.bus.everything(), []);
}

/// Valid batches of many users are all written, although others are refused at the same time.
pub async fn refused_batches_do_not_affect_concurrent_ones(h: Harness) {
    let mut users = Vec::new();
    for _ in 0..6 {
        users.push(h.user().await);
    }
    let h = Arc::new(h);
    let requests = (0..10usize).flat_map(|round| {
        let senders = users.clone().into_iter().chain([UserId(uuid())]).enumerate();
        senders.map(move |(place, user)| (round, place, user))
    });
    let answers = all(requests.map(|(round, place, user)| {
        let h = Arc::clone(&h);
        async move {
            let good = [create(todo_id(), "a"), create(todo_id(), "b")];
            let request = match (round + place) % 3 {
                0 => batch(good),
                1 => all_or_nothing(good.into_iter().chain([toggle(todo_id())])),
                _ => Batch { cursor: Some(Cursor::at(Some(at(1_000_000)))), ..batch(good) },
            };
            let is_good = (round + place).is_multiple_of(3);
            (user, is_good, h.commit(user, request, T0).await)
        }
    }))
    .await;
    for user in &users {
        let sent = answers.iter().filter(|(of, good, _)| of == user && *good).count();
        assert_eq!(h.everything(*user).await.len(), 2 * sent, "every valid batch is written and no other");
        h.assert_live(*user, u32::try_from(2 * sent).expect("few")).await;
    }
    for (user, good, answer) in answers {
        match answer {
            Commit::NoSuchUser => assert!(!users.contains(&user), "{user} exists"),
            Commit::StaleCursor(_) => assert!(!good, "this one had no cursor"),
            Commit::Done(_) => assert!(users.contains(&user), "{user} does not exist"),
        }
    }
}
