//! `POST /api/v1/todos/sync`.

mod aged_restores;
mod cursors;
pub mod devices;
mod digests;
mod example;
mod exchange;
mod initial_sync;
mod refusals;
mod restores;
mod simulation;
mod strategies;
