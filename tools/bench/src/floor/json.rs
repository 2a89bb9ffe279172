//! A todo in the JSON of the server.

use api_actix::moment::Moment;
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
    pub completed_at: Option<Moment>,
    pub version: i64,
    pub client_id: Option<String>,
    pub created_at: Moment,
    pub updated_at: Moment,
    pub deleted_at: Option<Moment>,
}

/// An instant of the database, in microseconds since 1970.
pub fn moment(micros: i64) -> Moment {
    Moment(Stamp::from_micros(micros).unwrap_or(Stamp::EPOCH))
}
