//! What surfaces hand to the OpenAPI document beside their operations.

use utoipa::openapi::{RefOr, Schema};

/// A schema that only query parameters refer to, and its name.
pub type NamedSchema = (String, RefOr<Schema>);
