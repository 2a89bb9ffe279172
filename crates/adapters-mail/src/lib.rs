//! Emails: their texts and their transports, which are SMTP and files in a folder.
//!
//! Deliberately absent: the schedule and the retries. The outbox keeps the emails, and the server's
//! worker sends them.

mod folder;
mod message;
mod smtp;

pub use folder::FolderMailer;
pub use message::Sender;
pub use smtp::{SmtpError, SmtpMailer, SmtpSettings, SmtpTls};
