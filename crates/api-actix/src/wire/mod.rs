//! What several surfaces share: representations, parsers of members, and the responses to outcomes.

mod account;
mod conflict;
mod members;
mod metadata;
mod outcome;
mod response;
mod times;
mod todo;
mod token;

pub use account::{change_password, email_taken, logged_in, not_verified, registered};
pub use conflict::{Conflict, StrategyName, word_or_null};
pub use members::{
    as_is, client_id, completed_schema, description, email, flag_schema, required_flag_schema, title, todo_id,
};
pub use metadata::{metadata, metadata_edit_schema};
pub use outcome::{changed_todo, id_in_use, listed, rejection, resync_required};
pub use response::{Message, json, message, with_location, with_memory};
pub use times::{any_time, timestamp, timestamp_in_query};
pub use todo::Todo;
pub use token::{TokenType, no_refresh_cookie, refresh_cookie, refresh_token};
