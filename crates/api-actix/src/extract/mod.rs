//! What handlers take in. Whatever is refused here is a [`Problem`](crate::error::Problem), and every bad field of a request is
//! found before one is.

mod address;
mod body;
mod caller;
mod checks;
mod client;
mod field;
mod path;
mod precondition;
mod query;

pub use body::{Body, NoObject, object};
pub use caller::{Caller, admit, bearer};
pub use checks::{Checks, Fault, Refusal};
pub use client::Client;
pub use field::{Field, Id, Int, List, Member, Text};
pub use path::{DevicePath, ProviderPath, TodoPath, uuid};
pub use precondition::{IfMatch, none_match, tag};
pub use query::{Query, flag, number, word};
