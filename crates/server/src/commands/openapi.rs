//! `openapi`: prints the document that `/openapi.json` answers.

use std::error::Error;

pub fn run() -> Result<(), Box<dyn Error>> {
    super::say(api_actix::openapi_document().to_pretty_json()?);
    Ok(())
}
