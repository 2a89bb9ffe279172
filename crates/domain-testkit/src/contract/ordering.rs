//! The changes of one user have one order: that of their stamps, and of their commits.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use domain::Stamp;
use domain::todo::query::ListQuery;
use domain::todo::{Base, Outcome, Todo};

use crate::build::{T0, at, batch, create, delete, retitle, todo_id, toggle};
use crate::{Harness, all};

/// A stamp is the current time, or one microsecond after the last stamp if that is later.
pub async fn stamps_follow_the_clock_and_never_go_back(h: Harness) {
    let user = h.user().await;
    assert_eq!(h.clock(user).await, T0, "the clock of a new user starts at the registration");
    for (now, expected) in [(T0, T0.next()), (at(5), at(5)), (at(3), at(5).next())] {
        let todo = h.applied_at(user, create(todo_id(), "milk"), now).await;
        assert_eq!(todo.updated_at(), expected);
        assert_eq!(h.clock(user).await, expected);
    }
}

/// Each applied change of a batch has its own stamp, in the order of the batch. A change that is
/// not applied takes none.
pub async fn each_applied_change_of_a_batch_has_its_own_stamp(h: Harness) {
    let user = h.user().await;
    let [a, b] = [todo_id(), todo_id()];
    let changes = [create(a, "a"), create(a, "other"), toggle(todo_id()), delete(b), create(b, "b")];
    h.decide(user, batch(changes), at(1)).await;
    let stamps: Vec<_> = h.everything(user).await.iter().map(|todo| (todo.id(), todo.updated_at())).collect();
    assert_eq!(stamps, [(a, at(1)), (b, at(1).next())]);
    assert_eq!(h.clock(user).await, at(1).next());
}

/// Sixteen concurrent writers of one user, half of them with a clock that is behind.
pub async fn concurrent_writers_of_one_user_get_unique_rising_stamps(h: Harness) {
    const WRITERS: u64 = 16;
    const ROUNDS: u64 = 12;
    let user = h.user().await;
    let h = Arc::new(h);
    let written = all((0..WRITERS).map(|writer| {
        let h = Arc::clone(&h);
        async move {
            let mut own = Vec::new();
            for round in 0..ROUNDS {
                let now = if writer % 2 == 0 { at(round) } else { T0 };
                own.push(h.applied_at(user, create(todo_id(), "milk"), now).await.updated_at());
            }
            own
        }
    }))
    .await;
    for own in &written {
        assert!(own.is_sorted_by(|a, b| a < b), "a later change of one writer has a later stamp: {own:?}");
    }
    let stamps: BTreeSet<_> = written.iter().flatten().copied().collect();
    let count = usize::try_from(WRITERS * ROUNDS).expect("few");
    assert_eq!(stamps.len(), count, "each stamp is unique");
    assert_eq!(Some(h.clock(user).await), stamps.last().copied());
    let published: Vec<_> =
        h.bus.wait_for(user, count).await.iter().map(|event| event.todo.updated_at()).collect();
    assert_eq!(published, stamps.iter().copied().collect::<Vec<_>>(), "events come once, in stamp order");
    h.assert_live(user, u32::try_from(count).expect("few")).await;
}

/// A device that polls for everything after its cursor while eight others write receives everything
/// that they wrote.
pub async fn a_poller_misses_nothing_while_others_write(h: Harness) {
    let user = h.user().await;
    let h = Arc::new(h);
    let done = Arc::new(AtomicBool::new(false));
    let poller = tokio::spawn(poll_until(Arc::clone(&h), user, Arc::clone(&done)));
    all((0..8).map(|_| {
        let h = Arc::clone(&h);
        async move {
            let mut last = todo_id();
            h.apply(user, [create(last, "first")]).await;
            for round in 0..12 {
                let next = todo_id();
                let old = if round % 3 == 0 { delete(last) } else { toggle(last) };
                h.apply(user, [create(next, "next"), old]).await;
                last = next;
            }
        }
    }))
    .await;
    done.store(true, Ordering::SeqCst);
    let seen = poller.await.expect("the poller reaches the end");
    let stored: BTreeMap<_, _> = h.everything(user).await.into_iter().map(|todo| (todo.id(), todo)).collect();
    let missed: Vec<_> = stored.iter().filter(|(id, todo)| seen.get(id) != Some(*todo)).collect();
    assert!(
        missed.is_empty(),
        "{} of {} todos are missing or outdated: {missed:#?}",
        missed.len(),
        stored.len()
    );
}

async fn poll_until(
    h: Arc<Harness>,
    user: domain::UserId,
    done: Arc<AtomicBool>,
) -> BTreeMap<domain::TodoId, Todo> {
    let mut seen = BTreeMap::new();
    let mut cursor: Option<Stamp> = None;
    loop {
        let is_last = done.load(Ordering::SeqCst);
        let found = h.changes(user, cursor, 7).await;
        let to = found.complete_to();
        assert!(Some(to) >= cursor, "the cursor never goes back: {to:?} after {cursor:?}");
        assert!(!found.has_more || !found.todos.is_empty(), "a page with more to come is not empty");
        for todo in found.todos {
            let stamp = todo.updated_at();
            assert!(Some(stamp) > cursor && stamp <= to, "{stamp:?} lies after {cursor:?} and up to {to:?}");
            seen.insert(todo.id(), todo);
        }
        cursor = Some(to);
        if is_last && !found.has_more {
            return seen;
        }
        tokio::task::yield_now().await;
    }
}

/// Exactly one of several edits against one version is accepted. The others are shown its result.
pub async fn exactly_one_of_concurrent_edits_of_one_version_is_accepted(h: Harness) {
    let user = h.user().await;
    let h = Arc::new(h);
    for round in 0..20 {
        let id = todo_id();
        h.applied(user, create(id, "milk")).await;
        let outcomes =
            all((0..4).map(|racer| {
                let h = Arc::clone(&h);
                async move {
                    h.apply(user, [retitle(id, Base::Version(1), &format!("by {racer}"))]).await.remove(0)
                }
            }))
            .await;
        let accepted: Vec<_> = outcomes
            .iter()
            .filter_map(|outcome| if let Outcome::Applied { todo, .. } = outcome { Some(todo) } else { None })
            .collect();
        assert_eq!(accepted.len(), 1, "round {round}: exactly one is accepted: {outcomes:#?}");
        let refused = outcomes.iter().filter(
            |outcome| matches!(outcome, Outcome::Conflict(conflict) if conflict.current == *accepted[0]),
        );
        assert_eq!(refused.count(), 3, "round {round}: the others see the winner: {outcomes:#?}");
        assert_eq!(h.todo(user, id).await.as_ref(), Some(&**accepted[0]), "round {round}");
    }
}

/// Every kind of read sees a commit that was answered before the read began.
pub async fn a_read_sees_every_commit_answered_before_it(h: Harness) {
    let user = h.user().await;
    for round in 1..=30 {
        let cursor = h.clock(user).await;
        let todo = h.applied(user, create(todo_id(), "milk")).await;
        assert_eq!(h.todo(user, todo.id()).await.as_ref(), Some(&todo), "round {round}");
        let by_number = h.todos.get_by_number(user, todo.number()).await.expect("get_by_number answers");
        assert_eq!(by_number.as_ref(), Some(&todo), "round {round}");
        assert_eq!(
            h.changes(user, Some(cursor), 10).await.todos,
            std::slice::from_ref(&todo),
            "round {round}"
        );
        let page = h.list(user, &ListQuery { limit: 1, ..ListQuery::default() }).await;
        assert_eq!((page.total, &page.todos[..]), (round, &[todo.clone()][..]), "round {round}");
        assert_eq!(h.clock(user).await, todo.updated_at(), "round {round}");
    }
}

/// Page, total and position come from one snapshot, and so do changes and position, regardless of
/// concurrent writes.
pub async fn a_read_is_one_snapshot(h: Harness) {
    let user = h.user().await;
    let h = Arc::new(h);
    let done = Arc::new(AtomicBool::new(false));
    let reader = tokio::spawn({
        let (h, done) = (Arc::clone(&h), Arc::clone(&done));
        async move {
            let mut read = Vec::new();
            while !done.load(Ordering::SeqCst) {
                let page = h.list(user, &ListQuery { limit: 3, ..ListQuery::default() }).await;
                if let Some(newest) = page.todos.first() {
                    let clock = page.position.clock;
                    assert_eq!(
                        newest.updated_at(),
                        clock,
                        "the newest todo of the page is the user's newest"
                    );
                }
                read.push((page.total, page.position.clock));
                let changes = h.changes(user, None, 10_000).await;
                if let Some(newest) = changes.todos.last() {
                    let clock = changes.position.clock;
                    assert_eq!(newest.updated_at(), clock, "the last change is the user's newest todo");
                }
                read.push((changes.todos.len() as u64, changes.position.clock));
                tokio::task::yield_now().await;
            }
            read
        }
    });
    all((0..3).map(|_| {
        let h = Arc::clone(&h);
        async move {
            for _ in 0..25 {
                h.applied(user, create(todo_id(), "milk")).await;
            }
        }
    }))
    .await;
    done.store(true, Ordering::SeqCst);
    let read = reader.await.expect("every snapshot was consistent");
    let stamps: Vec<_> = h.everything(user).await.iter().map(Todo::updated_at).collect();
    for (total, clock) in read {
        let then = stamps.iter().filter(|stamp| **stamp <= clock).count() as u64;
        assert_eq!(total, then, "a snapshot at {clock:?} contains what was committed up to then");
    }
}
