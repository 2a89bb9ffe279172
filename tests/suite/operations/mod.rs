//! The operator's view: commands, documents, health, metrics, housekeeping, shutdown.

mod commands;
mod development;
mod documents;
mod environments;
mod headers;
mod health;
mod housekeeping;
mod imports;
mod keys;
mod metrics;
mod proxy;
mod stopping;
mod waiting;
