//! The operator's view: commands, documents, health, metrics, housekeeping, shutdown.

mod alerts;
mod backups;
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
mod moves;
mod proxy;
mod reporting;
mod stopping;
mod upgrades;
mod users;
mod waiting;
mod watching;
