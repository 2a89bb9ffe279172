//! Mail, against a real mail server: what arrives, when it does, and over which connections.

mod answers;
mod authority;
mod flows;
mod injection;
mod outages;
mod post_office;
mod protection;
mod rotation;
