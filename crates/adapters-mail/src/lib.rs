//! Mail: its texts and its transports, SMTP and files in a folder.
//!
//! Deliberately absent: when an email is sent and how often it is tried. The outbox keeps the emails, and the
//! server's worker sends them.

mod folder;
mod message;
mod smtp;

pub use folder::FolderMailer;
pub use message::Sender;
pub use smtp::{SmtpError, SmtpMailer, SmtpSettings, SmtpTls};
