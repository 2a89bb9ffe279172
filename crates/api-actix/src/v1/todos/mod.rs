//! `/api/v1/todos`.

pub mod dto;
