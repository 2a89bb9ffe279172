//! The token contract and the task contracts over the in-memory store: each as a transcript, every operation against every
//! caller and input, and one todo through all surfaces.

#![expect(clippy::expect_used, reason = "helpers of tests report a failure by panicking")]

mod codes;
mod document;
mod fakes;
mod lists;
mod matrix;
mod sessions;
mod surfaces;
mod tasks;
mod todos;
mod world;
