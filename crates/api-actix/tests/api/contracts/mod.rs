//! The contracts beside v1 as transcripts, and tables of every operation, caller, input and error code.

mod codes;
mod document;
mod lists;
mod matrix;
mod sessions;
mod surfaces;
mod tasks;
mod todos;
