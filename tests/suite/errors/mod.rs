//! Errors that concern requests as a whole, and outages of the database.

mod authentication;
mod outage;
mod requests;
