//! What surfaces and the OpenAPI document exchange, apart from operations.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use actix_web::web::Bytes;
use utoipa::openapi::{RefOr, Schema};

/// A schema that no operation refers to by its type, and its name.
pub type NamedSchema = (String, RefOr<Schema>);

type Generate = Box<dyn FnOnce() -> BTreeMap<&'static str, Bytes> + Send>;

/// The OpenAPI and AsyncAPI documents as JSON, generated when the first one is requested.
pub struct Documents(LazyLock<BTreeMap<&'static str, Bytes>, Generate>);

impl Documents {
    pub fn new(generate: impl FnOnce() -> BTreeMap<&'static str, Bytes> + Send + 'static) -> Self {
        Self(LazyLock::new(Box::new(generate)))
    }

    /// The document `name`: `openapi`, `asyncapi`, or the name of a contract.
    pub fn get(&self, name: &str) -> Option<Bytes> {
        self.0.get(name).cloned()
    }
}
