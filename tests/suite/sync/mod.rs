//! `POST /api/v1/todos/sync`.

mod cursors;
mod digests;
mod exchange;
mod initial_sync;
mod refusals;
mod simulation;
mod strategies;
