//! `openapi` and `asyncapi`: print the documents that the server serves.

use std::error::Error;

pub fn run() -> Result<(), Box<dyn Error>> {
    super::print(api_actix::openapi_document().to_pretty_json()?);
    Ok(())
}

pub fn run_asyncapi() -> Result<(), Box<dyn Error>> {
    super::print(serde_json::to_string_pretty(&api_actix::asyncapi_document())?);
    Ok(())
}
