//! The schemas of the messages.

use utoipa::openapi::schema::{Discriminator, OneOf, Schema};
use utoipa::openapi::{ObjectBuilder, Ref, RefOr, Type};
use utoipa::{PartialSchema as _, ToSchema as _};

use super::protocol::ServerMessage;
use crate::schema::NamedSchema;

/// The schemas of all messages of the server, and of the client's.
pub const SOCKET_SCHEMAS: [&str; 2] = ["SocketEvent", PING];

/// The client's message.
pub const PING: &str = "SocketPing";

/// The messages of the server, in the order of the enum: the names of their schemas, and
/// what they say.
pub const EVENTS: [(&str, &str); 8] = [
    ("SocketReady", "The client has every change up to a stamp."),
    ("SocketTodoCreated", "A todo was created."),
    ("SocketTodoUpdated", "A todo was changed."),
    ("SocketTodoDeleted", "A todo was deleted."),
    ("SocketTodoRestored", "A deleted todo was restored."),
    ("SocketPong", "The answer to a ping."),
    ("SocketResyncRequired", "The client missed changes that the server cannot replay."),
    ("SocketError", "A message of the client was refused, or the server could not read the database."),
];

/// The schema of each message, and of any message of the server, which `type` tells apart.
pub fn schemas() -> Vec<NamedSchema> {
    let RefOr::T(Schema::OneOf(messages)) = ServerMessage::schema() else { return Vec::new() };
    let mut any = OneOf::new();
    let mut discriminator = Discriminator::new("type");
    let mut schemas = Vec::new();
    for ((name, description), mut schema) in EVENTS.into_iter().zip(messages.items) {
        any.items.push(Ref::from_schema_name(name).into());
        if let RefOr::T(Schema::Object(object)) = &mut schema {
            object.description = Some(description.to_owned());
            if let Some(kind) = kind(object) {
                discriminator.mapping.insert(kind, format!("#/components/schemas/{name}"));
            }
        }
        schemas.push((name.to_owned(), schema));
    }
    any.discriminator = Some(discriminator);
    any.description = Some("A message of the server on `/ws/todos`.".to_owned());
    let ping = ObjectBuilder::new().schema_type(Type::String).enum_values(Some(["ping"]));
    let ping = ObjectBuilder::new()
        .description(Some("The client's message on `/ws/todos`; the server answers with `SocketPong`."))
        .property("type", ping)
        .required("type");
    schemas.push((ServerMessage::name().into_owned(), Schema::OneOf(any).into()));
    schemas.push((PING.to_owned(), ping.into()));
    schemas
}

/// The only value of `type`.
fn kind(object: &utoipa::openapi::Object) -> Option<String> {
    let RefOr::T(Schema::Object(kind)) = object.properties.get("type")? else { return None };
    kind.enum_values.as_ref()?.first()?.as_str().map(str::to_owned)
}
