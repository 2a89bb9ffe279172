//! Mail: what it says, and how it leaves: by SMTP, or as files in a folder.
//!
//! Deliberately absent: when to send and how often to try. The outbox keeps what waits, and the worker that empties it
//! belongs to the server.

mod folder;
mod message;
mod smtp;

pub use folder::FolderMailer;
pub use message::Sender;
pub use smtp::{SmtpError, SmtpMailer, SmtpSettings, SmtpTls};
