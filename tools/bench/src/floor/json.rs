//! A todo in the JSON of the server.

use api_actix::rfc3339::Rfc3339;
use domain::Stamp;
use serde::Serialize;
use uuid::Uuid;

/// Its members have the server's order.
#[derive(Serialize)]
pub struct Todo {
    pub id: Uuid,
    pub text: String,
    pub description: Option<String>,
    pub completed: bool,
    pub completed_at: Option<Rfc3339>,
    pub version: i64,
    pub client_id: Option<String>,
    pub created_at: Rfc3339,
    pub updated_at: Rfc3339,
    pub deleted_at: Option<Rfc3339>,
}

/// An instant of the database, in microseconds since 1970.
pub fn moment(micros: i64) -> Rfc3339 {
    Rfc3339(Stamp::from_micros(micros).unwrap_or(Stamp::EPOCH))
}
