//! `POST /api/v1/todos/sync`.

mod cursors;
mod exchange;
mod refusals;
mod simulation;
mod strategies;
mod walks;
