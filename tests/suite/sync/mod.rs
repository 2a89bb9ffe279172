//! `POST /api/v1/todos/sync`.

mod cursors;
mod exchange;
mod initial_sync;
mod refusals;
mod simulation;
mod strategies;
