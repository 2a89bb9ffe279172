use uuid::Uuid;

use super::*;
use crate::sync::cursor::{Position, StaleReason};
use crate::sync::digest::Digest;
use crate::sync::history::{Epochs, History};
use crate::time::{MockClock, Stamp};
use crate::todo::{Conflict, Field, MockTodoStore, StoredTodo, Title, Versions};

const USER: UserId = UserId(Uuid::from_u128(7));
const ID: TodoId = TodoId(Uuid::from_u128(1));
const LIMITS: StorageLimits = StorageLimits { live: 500, bytes: 9000, tombstones: 70, sweep: 3 };

fn todo(deleted: bool) -> Todo {
    Todo::from_stored(row(1, deleted)).expect("a valid row")
}

fn at_version(version: i64) -> Todo {
    Todo::from_stored(row(version, false)).expect("a valid row")
}

fn row(version: i64, deleted: bool) -> StoredTodo {
    StoredTodo {
        id: ID,
        number: 1,
        title: Some("milk".to_owned()),
        description: None,
        completed_at: None,
        created_at: Stamp::EPOCH,
        updated_at: Stamp::EPOCH,
        deleted_at: deleted.then_some(Stamp::EPOCH),
        client_id: None,
        versions: Versions { version, title: 1, description: 1, completed: 1, deleted: 1 },
        metadata: None,
        metadata_versions: None,
    }
}

fn service(store: MockTodoStore) -> TodoService {
    let mut clock = MockClock::new();
    clock.expect_now().return_const(Stamp::EPOCH);
    TodoService::new(Arc::new(store), Arc::new(clock), LIMITS)
}

/// A service whose store expects one batch and answers it with `commit`.
fn expecting(batch: Batch, commit: Commit) -> TodoService {
    let mut store = MockTodoStore::new();
    store
        .expect_commit()
        .once()
        .withf(move |user, got, now| (*user, got, *now) == (USER, &batch, Stamp::EPOCH))
        .return_once(|_, _, _| Ok(commit));
    service(store)
}

fn batch(changes: Vec<Change>) -> Batch {
    Batch { changes, strategy: Strategy::Manual, cursor: None, limits: LIMITS }
}

fn new() -> NewTodo {
    let title = Title::parse("milk").expect("a title");
    NewTodo::new(title)
}

fn change(base: Base, action: Action) -> Change {
    Change::new(ID, base, action)
}

#[tokio::test]
async fn a_tombstone_is_returned_only_on_request() {
    for (deleted, asked, shown) in [(false, false, true), (true, false, false), (true, true, true)] {
        let mut store = MockTodoStore::new();
        store.expect_get().once().return_once(move |_, _| Ok(Some(todo(deleted))));
        let found = service(store).get(USER, ID, asked).await.expect("the store answers");
        assert_eq!(found.is_some(), shown);
    }
}

#[tokio::test]
async fn a_list_is_refused_where_the_cursor_can_t_be_continued() {
    let at = |micros| Stamp::from_micros(micros).expect("a stamp");
    let epochs = Epochs::new([(1, "now".to_owned())]).expect("epochs");
    let position = Position {
        clock: at(20),
        horizon: at(10),
        digest: Digest::EMPTY,
        history: History::new(1),
        epochs: Arc::new(epochs),
    };
    let page = Page { todos: vec![todo(false)], total: 1, position };
    for (since, expected) in [(None, None), (Some(10), None), (Some(9), Some(StaleReason::Forgotten))] {
        let mut store = MockTodoStore::new();
        let found = page.clone();
        store.expect_list().once().return_once(|_, _| Ok(Some(found)));
        let query = ListQuery { since: since.map(at), ..ListQuery::default() };
        match service(store).list(USER, &query).await.expect("the store answers") {
            ListOutcome::Done(found) => assert_eq!((found, expected), (page.clone(), None)),
            ListOutcome::StaleCursor(stale) => assert_eq!(Some(stale.reason), expected, "{since:?}"),
            ListOutcome::NoSuchUser => panic!("the user exists"),
        }
    }
}

#[tokio::test]
async fn a_number_finds_no_tombstone() {
    let mut store = MockTodoStore::new();
    store.expect_get_by_number().once().return_once(|_, _| Ok(Some(todo(true))));
    assert_eq!(service(store).get_by_number(USER, TodoNumber(1)).await.expect("the store answers"), None);
}

#[tokio::test]
async fn a_single_change_is_a_batch_of_one_under_the_manual_strategy() {
    let base = Base::Version(3);
    let precondition = Precondition::version(Some(3));
    let delete =
        expecting(batch(vec![change(base, Action::Delete)]), Commit::Done(vec![Outcome::NotFound].into()));
    let outcome = delete.delete(USER, ID, precondition.clone());
    assert_eq!(outcome.await.expect("the store answers"), Some(Outcome::NotFound));

    let toggle = expecting(
        batch(vec![change(Base::Current, Action::Toggle)]),
        Commit::Done(vec![Outcome::NotFound].into()),
    );
    assert_eq!(toggle.toggle(USER, ID).await.expect("the store answers"), Some(Outcome::NotFound));

    let edit = Edit { completed: Some(true), ..Edit::default() };
    let edited = expecting(
        batch(vec![change(base, Action::Edit(edit.clone()))]),
        Commit::Done(vec![Outcome::NotFound].into()),
    );
    let outcome = edited.edit(USER, ID, precondition, edit, None).await.expect("the store answers");
    assert_eq!(outcome, Some(Outcome::NotFound));
}

/// A service whose store has the todo at each of these versions in turn, one per commit, and refuses
/// every other base.
fn at_versions(versions: &'static [i64]) -> TodoService {
    let mut store = MockTodoStore::new();
    let mut current = versions.iter();
    store.expect_commit().times(versions.len()).returning(move |_, batch, _| {
        let version = *current.next().expect("one version per commit");
        let base = batch.changes[0].named_base();
        let outcome = if base.is_none_or(|base| base == version) {
            Outcome::Unchanged { todo: None, client_is_current: true }
        } else {
            Outcome::Conflict(Conflict {
                current: Arc::new(at_version(version)),
                base,
                fields: vec![Field::Deleted],
                applied: None,
                strategy: Strategy::Manual,
                server_wins: false,
            })
        };
        Ok(Commit::Done(vec![outcome].into()))
    });
    service(store)
}

#[tokio::test]
async fn a_precondition_holds_for_the_version_that_the_todo_has_at_the_commit() {
    // The version at each commit, the versions allowed, and the base that is refused.
    let cases: [(&[i64], Precondition, Option<i64>); 9] = [
        (&[5], Precondition::Any, None),
        (&[5], Precondition::version(None), None),
        (&[5], Precondition::version(Some(5)), None),
        (&[5], Precondition::version(Some(4)), Some(4)),
        (&[5], Precondition::OneOf(vec![]), Some(0)),
        (&[5], Precondition::OneOf(vec![3, 4]), Some(0)),
        (&[5, 5], Precondition::OneOf(vec![3, 5]), None),
        // The todo changes between the commits, to a version that is allowed and to one that is not.
        (&[3, 5, 5], Precondition::OneOf(vec![3, 5]), None),
        (&[3, 4], Precondition::OneOf(vec![3, 5]), Some(3)),
    ];
    for (versions, precondition, refused) in cases {
        let case = format!("{versions:?} {precondition:?}");
        let outcome = at_versions(versions).delete(USER, ID, precondition).await.expect("the store answers");
        let base = match outcome.expect("a user") {
            Outcome::Conflict(conflict) => conflict.base,
            _ => None,
        };
        assert_eq!(base, refused, "{case}");
    }
}

#[tokio::test]
async fn a_long_list_is_several_commits_whose_outcomes_keep_its_order() {
    let id = |n: usize| TodoId(Uuid::from_u128(n as u128));
    for (todos, commits) in [(1, vec![1]), (250, vec![250]), (501, vec![250, 250, 1])] {
        let mut store = MockTodoStore::new();
        let mut expected = commits.into_iter();
        store.expect_commit().times(expected.len()).returning(move |_, batch, _| {
            assert_eq!(Some(batch.changes.len()), expected.next());
            let outcome = |change: Change| match change.action {
                Action::Create(new) if new == self::new() => {
                    let row = StoredTodo { id: change.id, ..row(1, false) };
                    Outcome::IdInUse(Arc::new(Todo::from_stored(row).expect("a valid row")))
                }
                other => panic!("not a creation: {other:?}"),
            };
            Ok(Commit::Done(batch.changes.into_iter().map(outcome).collect::<Vec<_>>().into()))
        });
        // The last one names the first todo again, so that it moves into the first commit.
        let ids: Vec<_> = (0..todos).map(|n| if n == 500 { id(0) } else { id(n) }).collect();
        let items = ids.iter().map(|id| (*id, new(), None)).collect();
        let outcomes = service(store).create_each(USER, items).await.expect("the store answers");
        let named = |outcome: &Outcome| match outcome {
            Outcome::IdInUse(todo) => todo.id(),
            other => panic!("not what the store decided: {other:?}"),
        };
        assert_eq!(outcomes.expect("a user").iter().map(named).collect::<Vec<_>>(), ids);
    }
}

#[tokio::test]
async fn a_list_whose_later_commit_fails_is_an_error() {
    let mut store = MockTodoStore::new();
    let mut commits = 0;
    store.expect_commit().times(2).returning(move |_, batch, _| {
        commits += 1;
        if commits == 1 {
            Ok(Commit::Done(vec![Outcome::NotFound; batch.changes.len()].into()))
        } else {
            Err(StoreError::Unavailable("the disk is full".to_owned()))
        }
    });
    let id = |n| TodoId(Uuid::from_u128(n));
    let items = (0..1000).map(|n| (id(n), Base::Unknown, Edit::default(), None)).collect();
    assert!(matches!(service(store).edit_all(USER, items).await, Err(StoreError::Unavailable(_))));
}

#[tokio::test]
async fn bulk_edits_are_independent() {
    let edit = change(Base::Unknown, Action::Edit(Edit::default()));
    let service = expecting(batch(vec![edit]), Commit::Done(vec![Outcome::NotFound].into()));
    let items = vec![(ID, Base::Unknown, Edit::default(), None)];
    let outcomes = service.edit_all(USER, items).await.expect("the store answers");
    assert_eq!(outcomes, Some(vec![Outcome::NotFound]));
}

#[tokio::test]
async fn a_deleted_user_is_none() {
    let restore = batch(vec![change(Base::Current, Action::Restore)]);
    let outcome = expecting(restore, Commit::NoSuchUser).restore(USER, ID).await.expect("the store answers");
    assert_eq!(outcome, None);
}
