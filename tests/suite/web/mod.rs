//! The web app on the server's own origin.

mod browser;
mod files;
