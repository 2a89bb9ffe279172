use domain::StoreError;
use domain::todo::{Base, Commit, Edit};
use domain_testkit::build::{T0, batch, create, description, edit, todo_id};
use futures_util::FutureExt;
use tokio::sync::oneshot;
use tokio::time::Instant;
use uuid::Uuid;

use super::*;

const ANN: UserId = UserId(Uuid::from_u128(1));
const BOB: UserId = UserId(Uuid::from_u128(2));
const CYD: UserId = UserId(Uuid::from_u128(3));

type Answer = oneshot::Receiver<Result<Commit, StoreError>>;

fn queue(row_security: RowSecurity) -> Arc<Queue> {
    Arc::new(Queue::new(row_security))
}

/// Queues a batch of this many changes.
fn push(queue: &Queue, user: UserId, changes: usize) -> Answer {
    push_batch(queue, user, batch((0..changes).map(|_| create(todo_id(), "milk"))))
}

fn push_batch(queue: &Queue, user: UserId, batch: Batch) -> Answer {
    let (answer, outcome) = oneshot::channel();
    let queued = Instant::now();
    let span = tracing::Span::none();
    let pushed = queue.push(Job { user, batch, now: T0, queued, deadline: queued, span, answer });
    assert!(pushed.is_ok());
    outcome
}

/// The users of the next group, in the order of its batches, and its lease.
fn next_of(kind: Kind, queue: &Arc<Queue>) -> Option<(Vec<UserId>, Lease)> {
    let (jobs, lease) = queue.next(kind).now_or_never()??;
    Some((jobs.iter().map(|job| job.user).collect(), lease))
}

fn next(queue: &Arc<Queue>) -> Option<(Vec<UserId>, Lease)> {
    next_of(Kind::Small, queue)
}

fn next_large(queue: &Arc<Queue>) -> Option<(Vec<UserId>, Lease)> {
    next_of(Kind::Large, queue)
}

const LARGE: usize = MAX_SMALL.changes + 1;

#[test]
fn a_small_batch_waits_for_no_large_one_of_another_user() {
    let queue = queue(RowSecurity::Writes);
    push(&queue, ANN, LARGE);
    push(&queue, BOB, LARGE);
    push(&queue, ANN, 1);
    push(&queue, CYD, 1);
    let (users, of_cyd) = next(&queue).expect("a group");
    assert_eq!(users, [CYD], "the committers of small batches take no large one");
    let (users, of_ann) = next_large(&queue).expect("a group");
    assert_eq!(users, [ANN]);
    let (users, _of_bob) = next_large(&queue).expect("a group");
    assert_eq!(users, [BOB], "each large batch is a group of its own");
    assert!(next(&queue).is_none());
    drop((of_ann, of_cyd));
    assert_eq!(next(&queue).expect("a group").0, [ANN]);
}

#[test]
fn a_large_batch_does_not_overtake_a_small_one_of_its_user() {
    let queue = queue(RowSecurity::Writes);
    push(&queue, ANN, 1);
    push(&queue, ANN, LARGE);
    assert!(next_large(&queue).is_none());
    drop(next(&queue).expect("a group"));
    assert_eq!(next_large(&queue).expect("a group").0, [ANN]);
}

#[test]
fn a_batch_with_long_texts_is_large() {
    let queue = queue(RowSecurity::Writes);
    let long = Edit { description: Some(Some(description(&"d".repeat(10_000)))), ..Edit::default() };
    push_batch(&queue, ANN, batch((0..14).map(|_| edit(todo_id(), Base::Current, long.clone()))));
    assert!(next(&queue).is_none());
    assert_eq!(next_large(&queue).expect("a group").0, [ANN]);
}

#[test]
fn the_batches_of_a_user_are_taken_in_order_and_by_one_committer_at_a_time() {
    let queue = queue(RowSecurity::Writes);
    for changes in [1, 2, LARGE, 3] {
        push(&queue, ANN, changes);
    }
    push(&queue, BOB, 1);
    let (users, first) = next(&queue).expect("a group");
    assert_eq!(users, [ANN, ANN, BOB]);
    assert!(next(&queue).is_none() && next_large(&queue).is_none());
    drop(first);
    assert!(next(&queue).is_none());
    let (jobs, second) = queue.next(Kind::Large).now_or_never().flatten().expect("a group");
    assert_eq!(jobs[0].batch.changes.len(), LARGE);
    assert!(next(&queue).is_none());
    drop(second);
    assert_eq!(next(&queue).expect("a group").0, [ANN]);
}

#[test]
fn a_group_of_small_batches_is_bounded() {
    let queue = queue(RowSecurity::Writes);
    let user = |n: u128| UserId(Uuid::from_u128(n));
    for n in 0..65 {
        push(&queue, user(n), 1);
    }
    for n in 100..105 {
        push(&queue, user(n), MAX_SMALL.changes);
    }
    let mut sizes = Vec::new();
    while let Some((users, _lease)) = next(&queue) {
        sizes.push(users.len());
    }
    assert_eq!(sizes, [64, 4, 2], "by batches, and by changes");
}

#[test]
fn a_group_has_one_user_if_row_security_demands_it() {
    let queue = queue(RowSecurity::All);
    for user in [ANN, BOB, ANN] {
        push(&queue, user, 1);
    }
    assert_eq!(next(&queue).expect("a group").0, [ANN, ANN]);
    assert_eq!(next(&queue).expect("a group").0, [BOB]);
}

#[test]
fn users_whose_batches_are_done_are_free_before_their_group_is() {
    let queue = queue(RowSecurity::Writes);
    push(&queue, ANN, 1);
    push(&queue, BOB, 1);
    let (mut jobs, mut lease) = queue.next(Kind::Small).now_or_never().flatten().expect("a group");
    push(&queue, ANN, 1);
    push(&queue, BOB, 1);
    jobs.remove(0);
    lease.keep(&jobs);
    assert_eq!(next(&queue).expect("a group").0, [ANN]);
    assert!(next(&queue).is_none());
}

#[tokio::test]
async fn the_waiting_batches_of_a_leases_users_can_be_refused() {
    let queue = queue(RowSecurity::Writes);
    push(&queue, ANN, 1);
    let (_, lease) = next(&queue).expect("a group");
    let (of_ann, mut of_bob) = (push(&queue, ANN, 1), push(&queue, BOB, 1));
    lease.refuse_waiting("away");
    assert!(matches!(of_ann.await, Ok(Err(StoreError::Unavailable(problem))) if problem == "away"));
    assert!(of_bob.try_recv().is_err());
    assert_eq!(next(&queue).expect("a group").0, [BOB]);
}

#[tokio::test]
async fn a_closed_queue_is_emptied_before_it_ends() {
    let queue = queue(RowSecurity::Writes);
    push(&queue, ANN, 1);
    let (_, lease) = next(&queue).expect("a group");
    push(&queue, ANN, 1);
    let other = tokio::spawn({
        let queue = Arc::clone(&queue);
        async move { queue.next(Kind::Small).await.map(|(jobs, _)| jobs.len()) }
    });
    queue.close();
    drop(lease);
    assert_eq!(other.await.expect("no panic"), Some(1));
    for kind in [Kind::Small, Kind::Large] {
        assert!(matches!(queue.next(kind).now_or_never(), Some(None)));
    }
}
