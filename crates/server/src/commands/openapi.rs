//! `openapi`: prints the document that `/openapi.json` serves.

use std::error::Error;

pub fn run() -> Result<(), Box<dyn Error>> {
    super::print(api_actix::openapi_document().to_pretty_json()?);
    Ok(())
}
