//! One test per code that this surface can produce, each in the one form.

mod authentication;
mod outage;
mod requests;
