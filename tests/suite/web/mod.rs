//! The web app on the server's own origin.

mod browser;
pub mod drive;
mod files;
