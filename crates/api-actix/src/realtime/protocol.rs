//! The messages, and the frames that contain them.

use actix_http::ws::{CloseReason, Codec, Message};
use actix_web::web::{Bytes, BytesMut};
use domain::todo::{EventKind, Todo, TodoEvent};
use serde::{Deserialize, Serialize};
use serde_json::error::Category;
use tokio_util::codec::Encoder;
use utoipa::ToSchema;
use uuid::Uuid;

use domain::Stamp;
use domain::code::ErrorCode;
use domain::sync::Epoch;

use crate::error::{Problem, ProblemCode};
use crate::rfc3339::Rfc3339;
use crate::wire;

/// The messages of the server.
#[derive(Serialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
#[schema(as = SocketEvent)]
pub enum ServerMessage<'a> {
    Ready {
        /// A cursor: the client has every change up to it.
        #[schema(value_type = String, format = DateTime, example = "2026-01-09T10:15:00.000000Z")]
        sync_timestamp: Rfc3339,
        /// The database history that the cursor belongs to.
        #[schema(example = "0b5a3c1e-6f0d-4c55-9a4b-8d0f6a2b7c11")]
        epoch: &'a str,
    },
    TodoCreated {
        todo: wire::Todo<'a>,
    },
    TodoUpdated {
        todo: wire::Todo<'a>,
    },
    TodoDeleted {
        todo_id: Uuid,
        /// The version of the tombstone.
        #[schema(minimum = 1, example = 4)]
        version: i64,
        /// The stamp of the deletion.
        #[schema(value_type = String, format = DateTime, example = "2026-01-09T10:15:00.000000Z")]
        updated_at: Rfc3339,
    },
    TodoRestored {
        todo: wire::Todo<'a>,
    },
    Pong {
        /// The user's newest stamp.
        #[schema(value_type = String, format = DateTime, example = "2026-01-09T10:15:00.000000Z")]
        sync_timestamp: Rfc3339,
        /// The database history that the stamp belongs to.
        #[schema(example = "0b5a3c1e-6f0d-4c55-9a4b-8d0f6a2b7c11")]
        epoch: &'a str,
    },
    ResyncRequired,
    Error {
        /// The stable code of the error.
        #[schema(inline = false)]
        error_code: ProblemCode,
        /// What is wrong, in one sentence for people.
        #[schema(example = "The message is not JSON")]
        message: &'a str,
    },
}

/// The client has every change up to `at`, a stamp of `epoch`; live events follow.
pub fn ready(at: Stamp, epoch: &Epoch) -> Bytes {
    text(&ServerMessage::Ready { sync_timestamp: Rfc3339(at), epoch: epoch.as_str() })
}

/// The message of a live event.
pub fn event(event: &TodoEvent) -> Bytes {
    change(event.kind, &event.todo)
}

/// A todo that changed, perhaps more than once, while the client was disconnected.
pub fn replayed(todo: &Todo) -> Bytes {
    let kind = match (todo.deleted(), todo.version()) {
        (true, _) => EventKind::Deleted,
        (false, 1) => EventKind::Created,
        (false, _) => EventKind::Updated,
    };
    change(kind, todo)
}

fn change(kind: EventKind, todo: &Todo) -> Bytes {
    text(&match kind {
        EventKind::Created => ServerMessage::TodoCreated { todo: todo.into() },
        EventKind::Updated => ServerMessage::TodoUpdated { todo: todo.into() },
        EventKind::Restored => ServerMessage::TodoRestored { todo: todo.into() },
        EventKind::Deleted => ServerMessage::TodoDeleted {
            todo_id: todo.id().0,
            version: todo.version(),
            updated_at: Rfc3339(todo.updated_at()),
        },
    })
}

/// The answer to a ping message. `at` is the user's newest stamp, and belongs to `epoch`.
pub fn pong(at: Stamp, epoch: &Epoch) -> Bytes {
    text(&ServerMessage::Pong { sync_timestamp: Rfc3339(at), epoch: epoch.as_str() })
}

/// The client must sync from the beginning: changes that it missed can no longer be replayed.
pub fn resync_required() -> Bytes {
    text(&ServerMessage::ResyncRequired)
}

/// The message of a problem: its code and its sentence.
pub fn error(problem: &Problem) -> Bytes {
    text(&ServerMessage::Error { error_code: ProblemCode(problem.code()), message: problem.message() })
}

fn text(message: &ServerMessage<'_>) -> Bytes {
    // These types have no map keys and no foreign implementations, so they always serialise.
    frame(Message::Text(serde_json::to_string(message).unwrap_or_default().into()))
}

/// A ping frame.
pub fn ping() -> Bytes {
    frame(Message::Ping(Bytes::new()))
}

/// A pong frame.
pub fn pong_frame(payload: Bytes) -> Bytes {
    frame(Message::Pong(payload))
}

/// A close frame.
pub fn close(reason: CloseReason) -> Bytes {
    frame(Message::Close(Some(reason)))
}

fn frame(message: Message) -> Bytes {
    let mut bytes = BytesMut::new();
    // Encoding only fails for misplaced continuation frames, which are never sent.
    drop(Codec::new().encode(message, &mut bytes));
    bytes.freeze()
}

#[derive(Deserialize)]
struct ClientMessage<'a> {
    #[serde(borrow, rename = "type")]
    kind: std::borrow::Cow<'a, str>,
}

/// Checks that `text` is a ping, the only message of clients. Unknown members are ignored,
/// as in requests.
pub fn parse_ping(text: &str) -> Result<(), Problem> {
    match serde_json::from_str::<ClientMessage<'_>>(text) {
        Ok(message) if message.kind == "ping" => Ok(()),
        Ok(_) => Err(not_a_ping()),
        Err(error) if error.classify() == Category::Data => Err(not_a_ping()),
        Err(_) => Err(Problem::new(ErrorCode::BodyNotJson, "The message is not JSON")),
    }
}

/// The error of any message other than a ping.
pub fn not_a_ping() -> Problem {
    Problem::new(
        ErrorCode::ValueInvalid,
        r#"The only message accepted here is the text {"type": "ping"}; send changes to /api/v1/todos"#,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_ping_is_accepted_and_other_messages_get_distinct_errors() {
        let code = |text| parse_ping(text).map_err(|problem| problem.code().as_str());
        for text in [r#"{"type":"ping"}"#, r#" {"id": [1, {}], "type": "p\u0069ng"} "#] {
            assert_eq!(code(text), Ok(()), "{text}");
        }
        for text in
            [r#"{"type":"pong"}"#, r#"{"type":1}"#, "{}", "[]", "null", r#"{"type":"ping","type":"ping"}"#]
        {
            assert_eq!(code(text), Err("VALIDATION_006"), "{text}");
        }
        let nested = format!(r#"{{"type":"ping","a":{}"#, "[".repeat(2_000));
        for text in ["", "ping", r#"{"type":"ping"}x"#, "{\"type\":\"ping\0\"}", &nested] {
            assert_eq!(code(text), Err("VALIDATION_009"), "{text}");
        }
    }
}
