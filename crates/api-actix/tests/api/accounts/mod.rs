//! The account endpoints of v1.

mod account;
mod bodies;
mod data;
mod guesses;
mod limits;
mod mail;
mod oauth;
mod turns;
