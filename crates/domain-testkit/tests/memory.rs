//! The in-memory store satisfies the contract of all stores.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use domain::StoreError;
use domain::account::{AccountStore, NewUser};
use domain::health::Probe;
use domain::session::{EndReason, Ending, SessionStore};
use domain::todo::{Commit, TodoStore};
use domain_testkit::build::{T0, batch, new_user};
use domain_testkit::{Harness, MemoryStore, RecordingBus, store_contract};

async fn harness() -> Harness {
    let bus = Arc::new(RecordingBus::new());
    let store = Arc::new(MemoryStore::new(bus.clone()));
    Harness {
        todos: store.clone(),
        accounts: store.clone(),
        sessions: store.clone(),
        one_time: store.clone(),
        outbox: store.clone(),
        identities: store.clone(),
        operator: store.clone(),
        probe: store,
        bus,
        guard: Arc::new(()),
    }
}

store_contract!(harness);

/// A contract that the macro does not name would not run on any store.
#[test]
fn the_macro_names_every_contract() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/contract");
    let text = |path: &Path| fs::read_to_string(path).expect("a source file");
    let named = text(&Path::new(folder).join("mod.rs"));
    let mut contracts = 0;
    for entry in fs::read_dir(folder).expect("the folder of the contracts") {
        for line in text(&entry.expect("a file").path()).lines() {
            let Some((name, _)) = line.strip_prefix("pub async fn ").and_then(|rest| rest.split_once('('))
            else {
                continue;
            };
            contracts += 1;
            assert!(named.lines().any(|line| line.trim() == name), "store_contract! does not name {name}");
        }
    }
    assert!(contracts > 80, "only {contracts} contracts were found, so the search is wrong");
}

fn store() -> MemoryStore {
    MemoryStore::new(Arc::new(RecordingBus::new()))
}

#[tokio::test]
async fn an_outage_is_unavailable_and_leaves_nothing() {
    let store = store();
    let user = new_user();
    let unavailable = |error: Option<StoreError>| matches!(error, Some(StoreError::Unavailable(_)));
    store.fail_next(2);
    assert!(unavailable(store.probe().await.err()));
    assert!(unavailable(store.register(user.clone(), None, T0).await.err()));
    assert!(store.probe().await.is_ok());
    assert!(matches!(store.by_id(user.id).await, Ok(None)));

    store.set_available(false);
    assert!(unavailable(store.by_id(user.id).await.err()));
    assert!(unavailable(store.commit(user.id, batch([]), T0).await.err()));
    store.set_available(true);
    assert!(matches!(store.commit(user.id, batch([]), T0).await, Ok(Commit::NoSuchUser)));
}

#[tokio::test]
#[should_panic(expected = "is already in use")]
async fn an_id_used_twice_is_misuse() {
    let store = store();
    let user = new_user();
    store.register(user.clone(), None, T0).await.expect("registered");
    let twin = NewUser { email: new_user().email, ..user };
    store.register(twin, None, T0).await.expect("never gets here");
}

#[tokio::test]
#[should_panic(expected = "must end after it begins")]
async fn a_revocation_without_duration_is_misuse() {
    let nothing = Ending { reason: EndReason::Logout, at: T0, until: T0 };
    store().end_all(new_user().id, None, nothing).await.expect("never gets here");
}
