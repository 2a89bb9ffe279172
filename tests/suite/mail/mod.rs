//! Mail, delivered to a real SMTP server.

mod answers;
mod authority;
mod flows;
mod injection;
mod outages;
mod post_office;
mod protection;
mod rotation;
