//! `POST /api/v1/todos/sync`.

mod cursors;
pub mod devices;
mod digests;
mod example;
mod exchange;
mod initial_sync;
mod refusals;

mod simulation;
mod strategies;
