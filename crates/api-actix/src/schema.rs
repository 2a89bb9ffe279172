//! What surfaces and the OpenAPI document exchange, apart from operations.

use std::sync::LazyLock;

use actix_web::web::Bytes;
use utoipa::openapi::{RefOr, Schema};

/// A schema that only query parameters refer to, and its name.
pub type NamedSchema = (String, RefOr<Schema>);

/// The OpenAPI document as JSON. It is application data of type `&'static DocumentJson`.
pub type DocumentJson = LazyLock<Bytes>;
