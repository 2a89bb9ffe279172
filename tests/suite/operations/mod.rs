//! What operators and tools see.

mod commands;
mod documents;
mod headers;
mod health;
mod housekeeping;
mod keys;
mod metrics;
mod stopping;
