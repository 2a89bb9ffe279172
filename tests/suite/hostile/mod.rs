//! What bad input gets: a problem body, never a 5xx, and nothing half-written.

mod bodies;
mod fields;
mod readers;
mod refusals;
mod wire;
