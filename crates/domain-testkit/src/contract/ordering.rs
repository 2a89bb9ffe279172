//! One user's changes have one order.

use crate::Harness;
use crate::build::{T0, at, batch, create, todo_id};

/// A stamp is now, or one microsecond after the last where that is later.
pub async fn stamps_follow_the_clock_and_never_go_back(h: Harness) {
    let user = h.user().await;
    assert_eq!(h.clock(user).await, T0, "the clock of a new user starts where it was registered");
    for (now, expected) in [(T0, T0.next()), (at(5), at(5)), (at(3), at(5).next())] {
        let todo = h.applied_at(user, create(todo_id(), "milk"), now).await;
        assert_eq!(todo.updated_at(), expected);
        assert_eq!(h.clock(user).await, expected);
    }
    let outcomes = h.decide(user, batch((0..3).map(|_| create(todo_id(), "eggs"))), at(9)).await;
    assert_eq!(outcomes.len(), 3);
    assert_eq!(h.clock(user).await, at(9).next().next(), "each change of a batch has a stamp of its own");
}
