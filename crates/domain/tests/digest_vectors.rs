//! The vectors of the digest, from which clients in other languages check their own computation.
//!
//! `UPDATE_VECTORS=1 cargo test -p domain --test digest_vectors` writes them.

#![allow(clippy::expect_used, reason = "a test that can't set itself up should panic")]

use std::{env, fs};

use domain::sync::Digest;
use domain::{Stamp, TodoId};
use serde_json::{Value, json};
use uuid::Uuid;

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../clients/vectors/digest.json");

/// JavaScript's numbers are exact up to here.
const LARGEST_VERSION: i64 = (1 << 53) - 1;

struct Row {
    id: Uuid,
    version: i64,
    updated_at: Stamp,
    deleted: bool,
}

impl Row {
    fn hash(&self) -> Digest {
        Digest::of(TodoId(self.id), self.version, self.updated_at)
    }

    fn json(&self) -> Value {
        let deleted_at = self.deleted.then(|| self.updated_at.to_string());
        json!({
            "id": self.id.to_string(), "version": self.version, "updated_at": self.updated_at.to_string(),
            "deleted_at": deleted_at,
        })
    }
}

fn live(id: u128, version: i64, micros: i64) -> Row {
    let updated_at = Stamp::from_micros(micros).expect("a stamp");
    Row { id: Uuid::from_u128(id), version, updated_at, deleted: false }
}

/// Todos as a server makes them, each with another time, version and random id.
fn usual(count: u32) -> Vec<Row> {
    let row = |n: u32| {
        let millis = 1_767_950_000_000 + u64::from(n) * 86_399_873;
        let random = [n.wrapping_mul(0x9e37_79b9).to_be_bytes(), n.wrapping_mul(0x85eb_ca6b).to_be_bytes()];
        let id = Uuid::new_v5(&Uuid::NAMESPACE_OID, random.as_flattened());
        let micros = i64::try_from(millis * 1000).expect("a time") + i64::from(n * 7919 % 1_000_000);
        Row { deleted: n % 5 == 4, ..live(id.as_u128(), i64::from(n * n % 97 + 1), micros) }
    };
    (0..count).map(row).collect()
}

fn vectors() -> Value {
    const EXAMPLE: u128 = 0x0198_a7c5_6a10_7cc3_a5b2_0d5f_7e6c_1b2a;
    const NOON: i64 = 1_767_960_000_000_000;
    let hashes = [
        live(0, 1, 0),
        live(u128::MAX, 1, 0),
        live(EXAMPLE, 1, NOON),
        live(EXAMPLE, 2, NOON),
        live(EXAMPLE, 1, NOON + 1),
        live(EXAMPLE, 1, NOON + 999_999),
        live(EXAMPLE + 1, 1, NOON),
        live(EXAMPLE + (1 << 64), 1, NOON),
        live(EXAMPLE, LARGEST_VERSION, NOON),
        live(EXAMPLE, 1, -1),
        live(EXAMPLE, 1, Stamp::MIN.as_micros()),
        live(EXAMPLE, 1, Stamp::MAX.as_micros()),
    ];
    let hash = |row: &Row| {
        json!({
            "id": row.id.to_string(), "version": row.version, "updated_at": row.updated_at.to_string(),
            "hash": row.hash().to_string(),
        })
    };
    let tombstones = usual(20).into_iter().filter(|row| row.deleted).collect();
    let list = |name: &str, todos: Vec<Row>| {
        let digest: Digest = todos.iter().filter(|todo| !todo.deleted).map(Row::hash).sum();
        let todos: Vec<_> = todos.iter().map(Row::json).collect();
        json!({ "name": name, "digest": digest.to_string(), "todos": todos })
    };
    json!({
        "hashes": hashes.iter().map(hash).collect::<Vec<_>>(),
        "lists": [
            list("an empty list", vec![]),
            list("tombstones alone", tombstones),
            list("one todo", usual(1)),
            list("two todos", usual(2)),
            list("live todos and tombstones, with a sum beyond 64 bits", usual(25)),
        ],
    })
}

#[test]
fn the_committed_vectors_are_those_of_the_rule() {
    let expected = format!("{:#}\n", vectors());
    if env::var_os("UPDATE_VECTORS").is_some() {
        fs::write(FILE, &expected).expect("the file can be written");
    }
    let committed = fs::read_to_string(FILE).expect("the file can be read");
    assert_eq!(committed, expected, "run the test with UPDATE_VECTORS=1 and review the difference");
}

#[test]
fn the_sum_of_the_last_list_overflows() {
    let hashes = usual(25).into_iter().filter(|row| !row.deleted);
    let words = hashes.map(|row| u128::from(row.hash().to_i64().cast_unsigned()));
    assert!(words.sum::<u128>() > u128::from(u64::MAX));
}
