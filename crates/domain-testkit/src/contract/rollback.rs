//! A refused batch leaves nothing behind, and does not affect concurrent batches.

use std::sync::Arc;

use domain::UserId;
use domain::account::Registered;
use domain::sync::Cursor;
use domain::todo::{Batch, Commit};

use crate::build::{T0, at, batch, create, new_user, todo_id, uuid};
use crate::{Harness, all};

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
            let is_good = (round + place).is_multiple_of(2);
            let cursor = (!is_good).then(|| Cursor::at(Some(at(1_000_000))));
            let request = Batch { cursor, ..batch(good) };
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
