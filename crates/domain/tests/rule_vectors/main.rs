//! The vectors of the conflict rule, from which clients in other languages check their own copy.
//!
//! `UPDATE_VECTORS=1 cargo test -p domain --test rule_vectors` writes them. `clients/vectors`
//! describes the format.

#![allow(clippy::expect_used, reason = "a test that can't set itself up should panic")]

mod cases;
mod json;
mod todos;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::{env, fs};

use domain::sync::Epochs;
use domain::todo::plan::{Decision, Plan, UserState};
use domain::todo::{Batch, Outcome, StorageLimits, Strategy, Todo, TodoNumber, UserRow};
use serde_json::{Value, json};

use crate::cases::{Case, all};

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../clients/vectors/conflict-rule.json");

/// The outcomes of the case's changes, decided together as a store does.
fn outcomes(case: &Case) -> Vec<Outcome> {
    let batch = Batch {
        changes: case.changes.clone(),
        strategy: case.strategy,
        cursor: None,
        limits: StorageLimits::default(),
    };
    let clock = case.todo.as_ref().map_or(todos::CREATED, Todo::updated_at);
    let numbers = (1..).map(TodoNumber).take(batch.possible_creations()).collect();
    let epochs = Epochs::new([(1, "first".to_owned())]).expect("an epoch");
    let row = UserRow::new(clock, 1);
    let mut state = UserState::new(row, Arc::new(epochs), case.todo.clone(), numbers, Vec::new());
    let plan = Plan::decide(&mut state, &batch, case.now).expect("numbers enough");
    match plan.into_parts().0 {
        Decision::Decided(decided) => decided.outcomes,
        Decision::StaleCursor(_) => panic!("there is no cursor"),
    }
}

fn vectors() -> Vec<(Case, Value)> {
    let vector = |case: Case| {
        let vector = json!({
            "name": case.name,
            "strategy": case.strategy.as_str(),
            "now": case.now.to_string(),
            "todo": case.todo.as_ref().map(json::todo),
            "changes": case.changes.iter().map(json::change).collect::<Vec<_>>(),
            "outcomes": outcomes(&case).iter().map(json::outcome).collect::<Vec<_>>(),
        });
        (case, vector)
    };
    all().into_iter().map(vector).collect()
}

#[test]
fn the_committed_vectors_are_those_of_the_rule() {
    let lines: Vec<_> = vectors().into_iter().map(|(_, vector)| vector.to_string()).collect();
    let expected = format!("[\n{}\n]\n", lines.join(",\n"));
    if env::var_os("UPDATE_VECTORS").is_some() {
        fs::write(FILE, &expected).expect("the file can be written");
    }
    let committed = fs::read_to_string(FILE).expect("the file can be read");
    let differing = committed.lines().zip(expected.lines()).find(|(committed, now)| committed != now);
    assert_eq!(differing, None, "run the test with UPDATE_VECTORS=1 and review the difference");
    assert_eq!(committed.len(), expected.len(), "a case was added or removed");
}

#[test]
fn the_vectors_are_many_and_each_has_a_name_of_its_own() {
    let names: BTreeMap<_, _> = vectors().into_iter().map(|(case, vector)| (case.name, vector)).collect();
    assert_eq!(names.len(), all().len(), "names are unique");
    assert!(names.len() >= 500, "{}", names.len());
}

#[test]
fn every_outcome_occurs_under_every_strategy_that_has_it() {
    let mut seen = BTreeMap::<String, usize>::new();
    for case in all() {
        for outcome in outcomes(&case) {
            let mut facts = json::outcome(&outcome)["outcome"].as_str().expect("a name").to_owned();
            if let Outcome::Conflict(conflict) = &outcome {
                facts += if conflict.applied.is_some() { ", in part" } else { "" };
                facts += if conflict.server_wins { ", resolved" } else { "" };
            }
            *seen.entry(format!("{}: {facts}", case.strategy)).or_default() += 1;
        }
    }
    for strategy in Strategy::ALL {
        for facts in ["applied", "in_place", "conflict", "rejected"] {
            assert!(seen.contains_key(&format!("{strategy}: {facts}")), "{strategy}: {facts}");
        }
    }
    for facts in [
        "merge: conflict, in part",
        "merge: conflict, resolved",
        "last_write_wins: conflict, resolved",
        "manual: not_found",
        "manual: text_gone",
        "manual: id_in_use",
    ] {
        assert!(seen.contains_key(facts), "{facts}");
    }
}
