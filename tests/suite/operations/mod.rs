//! What operators and tools see.

mod commands;
mod documents;
mod headers;
mod health;
mod metrics;
mod stopping;
