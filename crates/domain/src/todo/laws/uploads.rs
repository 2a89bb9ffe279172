//! What one device sends of one todo.

use proptest::prelude::*;

use super::{List, any, at, change, fields as all_fields, id, value};
use crate::todo::{Action, Base, Change, Upsert};

/// Uploads of one todo in the order in which a device made them, by a clock that never goes back.
pub fn uploads() -> impl Strategy<Value = Vec<Upsert>> {
    prop::collection::vec(any::upsert(), 1..5).prop_map(|mut uploads| {
        let mut times: Vec<_> = uploads.iter().map(|upsert| upsert.updated_at.unwrap_or(at(0))).collect();
        times.sort_unstable();
        for (upsert, time) in uploads.iter_mut().zip(times) {
            upsert.updated_at = Some(time);
        }
        uploads
    })
}

pub fn sent(base: Base, uploads: &[Upsert]) -> Vec<Change> {
    uploads.iter().map(|upload| change(id(1), base, Action::Upsert(upload.clone()))).collect()
}

pub fn values(list: &List) -> Vec<Vec<String>> {
    let of = |todo| all_fields().iter().map(|field| value(todo, field)).collect();
    list.todos.values().map(of).collect()
}
