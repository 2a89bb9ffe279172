//! The input of handlers.
//!
//! An extractor that refuses a request returns a [`Problem`](crate::error::Problem). The content of a
//! body or a query is read in three steps, so that a response can list every bad field at once:
//!
//! 1. [`Body::read`] deserialises an object whose members are [`Member`]s: absent, null, a value, or a
//!    value of a wrong type. Only a body that is not a JSON object fails here.
//! 2. A [`Validation`] parses each member into a domain type, by [`required`](Validation::required),
//!    [`optional`](Validation::optional) or [`clearable`](Validation::clearable), and collects what
//!    is wrong. The parsers return a
//!    `ValueError`: an error type of the domain, or a [`FieldError`]. [`Query::get`] does the same for
//!    a query parameter.
//! 3. [`Validation::finish`] returns one problem with all errors, or lets the handler go on.
//!
//! ```text
//! let input: Create<'_> = body.read()?;
//! let mut validation = Validation::default();
//! let title = validation.required("title", input.title, title(TITLE_MAX));
//! let description = validation.optional("description", input.description, description);
//! validation.finish()?;
//! ```

mod address;
mod body;
mod caller;
mod client;
mod field_error;
mod member;
mod path;
mod precondition;
mod query;
mod validation;

pub use address::client_network;
pub use body::{Body, ObjectError, object, read_form};
pub use caller::{Caller, admit, bearer};
pub use client::Client;
pub use field_error::FieldError;
pub use member::{Entries, Int, List, Member, Text, TextOrNumber};
pub use path::{DevicePath, ProviderPath, TodoPath, uuid};
pub use precondition::{IfMatch, etag, if_none_match};
pub use query::{Query, flag, number, word};
pub use validation::Validation;
