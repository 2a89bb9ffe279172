//! The operator's view: commands, documents, health, metrics, housekeeping, shutdown.

mod commands;
mod documents;
mod headers;
mod health;
mod housekeeping;
mod keys;
mod metrics;
mod stopping;
