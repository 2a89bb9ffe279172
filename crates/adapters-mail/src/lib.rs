//! Emails: their texts and their transports, which are SMTP, files in a folder, and none.
//!
//! Deliberately absent: the schedule and the retries. The outbox keeps the emails, and the server's
//! worker sends them.

mod folder;
mod message;
mod off;
mod smtp;

pub use folder::FolderMailer;
pub use message::Sender;
pub use off::NoMailer;
pub use smtp::{SmtpError, SmtpMailer, SmtpSettings, SmtpTls};
