//! The export of an account that an operator makes.

use std::collections::BTreeSet;
use std::time::Duration;

use domain::account::{Export, ExportError, ExportPart};
use domain::todo::{Todo, TodoStore as _};
use domain::{StoreError, TodoId, UserId};
use domain_testkit::build::{T0, batch, create, delete, todo_id, uuid};

use crate::services::{ANN, ANSWERS, Services};

/// More than two pages of an export hold.
const TODOS: usize = 120;

/// An account with [`TODOS`] todos, of which the first is deleted.
async fn with_todos(services: &Services) -> (UserId, BTreeSet<TodoId>) {
    let ann = services.register(ANN).await;
    let ids: Vec<_> = (0..TODOS).map(|_| todo_id()).collect();
    let changes = ids.iter().map(|id| create(*id, "milk")).chain([delete(ids[0])]);
    services.store.commit(ann, batch(changes), T0).await.expect(ANSWERS);
    (ann, ids.into_iter().collect())
}

async fn export(services: &Services, user: UserId) -> Option<Export> {
    services.administration().export(user).await.expect(ANSWERS)
}

#[tokio::test]
async fn an_operator_exports_an_account_without_a_session_of_it() {
    let services = Services::new();
    let (ann, ids) = with_todos(&services).await;
    let mut export = export(&services, ann).await.expect("the user exists");
    services.clock.advance(Duration::from_hours(1));
    let Ok(Some(ExportPart::Account(records, started))) = export.next().await else {
        panic!("the first part is the account")
    };
    assert_eq!((records.user.id, started), (ann, T0));
    let mut exported = Vec::new();
    while let Some(part) = export.next().await.expect(ANSWERS) {
        let ExportPart::Todos(todos) = part else { panic!("the account comes once") };
        exported.extend(todos);
    }
    assert_eq!(exported.len(), TODOS);
    assert_eq!(exported.iter().map(Todo::id).collect::<BTreeSet<_>>(), ids);
    assert_eq!(exported.iter().filter(|todo| todo.deleted()).count(), 1, "tombstones belong to it");
    assert!(matches!(export.next().await, Ok(None)), "it stays at its end");
}

#[tokio::test]
async fn an_unknown_user_is_not_exported() {
    assert!(export(&Services::new(), UserId(uuid())).await.is_none());
}

#[tokio::test]
async fn the_export_of_an_account_that_is_deleted_meanwhile_fails_instead_of_ending() {
    let services = Services::new();
    let (ann, _) = with_todos(&services).await;
    let mut export = export(&services, ann).await.expect("the user exists");
    for _ in 0..2 {
        assert!(matches!(export.next().await, Ok(Some(_))));
    }
    assert!(services.administration().delete(ann).await.expect(ANSWERS));
    assert!(matches!(export.next().await, Err(ExportError::Store(StoreError::Unavailable(_)))));
}
