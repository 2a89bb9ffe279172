//! The in-memory store keeps the contract of all stores.

use std::sync::Arc;

use domain_testkit::{Harness, MemoryStore, RecordingBus, store_contract};

async fn harness() -> Harness {
    let bus = Arc::new(RecordingBus::new());
    let store = Arc::new(MemoryStore::new(bus.clone()));
    Harness {
        todos: store.clone(),
        accounts: store.clone(),
        sessions: store.clone(),
        probe: store,
        bus,
        guard: Box::new(()),
    }
}

store_contract!(harness);
