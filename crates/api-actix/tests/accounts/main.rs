//! The account endpoints of v1, in the whole application over the reference store.

mod account;
mod data;
mod fakes;
mod limits;
mod mail;
mod oauth;
mod server;
