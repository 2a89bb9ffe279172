//! Mail, delivered to a real SMTP server.

mod answers;
pub mod authority;
mod flows;
mod injection;
mod off;
mod outages;
mod protection;
mod rotation;
pub mod smtp_server;

pub use smtp_server::SmtpServer;
