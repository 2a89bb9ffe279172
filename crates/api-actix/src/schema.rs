//! What surfaces and the OpenAPI document exchange, apart from operations.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use actix_web::web::Bytes;
use utoipa::openapi::{RefOr, Schema};

use crate::content::Content;

/// A schema that no operation refers to by its type, and its name.
pub type NamedSchema = (String, RefOr<Schema>);

type Generate = Box<dyn FnOnce() -> BTreeMap<&'static str, Content> + Send>;

/// The OpenAPI and AsyncAPI documents as JSON, generated when the first one is requested.
pub struct Documents(LazyLock<BTreeMap<&'static str, Content>, Generate>);

impl Documents {
    pub fn new(generate: impl FnOnce() -> BTreeMap<&'static str, Bytes> + Send + 'static) -> Self {
        let contents = || generate().into_iter().map(|(name, bytes)| (name, Content::new(bytes))).collect();
        Self(LazyLock::new(Box::new(contents)))
    }

    /// The document `name`: `openapi`, `asyncapi`, or the name of a contract.
    pub fn get(&self, name: &str) -> Option<&Content> {
        self.0.get(name)
    }
}
