//! The messages, and the frames they travel in.

use actix_http::ws::{CloseReason, Codec, Message};
use actix_web::web::{Bytes, BytesMut};
use domain::todo::{EventKind, Todo, TodoEvent};
use serde::{Deserialize, Serialize};
use serde_json::error::Category;
use tokio_util::codec::Encoder;
use uuid::Uuid;

use domain::Stamp;
use domain::code::ErrorCode;

use crate::error::{Problem, ProblemCode};
use crate::moment::Moment;
use crate::wire;

/// What the server says.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum ServerMessage<'a> {
    Ready { sync_timestamp: Moment },
    TodoCreated { todo: wire::Todo<'a> },
    TodoUpdated { todo: wire::Todo<'a> },
    TodoDeleted { todo_id: Uuid, version: i64, updated_at: Moment },
    TodoRestored { todo: wire::Todo<'a> },
    Pong { sync_timestamp: Moment },
    ResyncRequired,
    Error { error_code: ProblemCode, message: &'a str },
}

/// Everything up to `at` has been told; from here on it is live.
pub fn ready(at: Stamp) -> Bytes {
    text(&ServerMessage::Ready { sync_timestamp: Moment(at) })
}

/// One change as it happened.
pub fn event(event: &TodoEvent) -> Bytes {
    told(event.kind, &event.todo)
}

/// One todo that changed while the client was away, perhaps more than once.
pub fn replayed(todo: &Todo) -> Bytes {
    let kind = match (todo.deleted(), todo.version()) {
        (true, _) => EventKind::Deleted,
        (false, 1) => EventKind::Created,
        (false, _) => EventKind::Updated,
    };
    told(kind, todo)
}

fn told(kind: EventKind, todo: &Todo) -> Bytes {
    text(&match kind {
        EventKind::Created => ServerMessage::TodoCreated { todo: todo.into() },
        EventKind::Updated => ServerMessage::TodoUpdated { todo: todo.into() },
        EventKind::Restored => ServerMessage::TodoRestored { todo: todo.into() },
        EventKind::Deleted => ServerMessage::TodoDeleted {
            todo_id: todo.id().0,
            version: todo.version(),
            updated_at: Moment(todo.updated_at()),
        },
    })
}

/// `at` is the user's newest stamp.
pub fn pong(at: Stamp) -> Bytes {
    text(&ServerMessage::Pong { sync_timestamp: Moment(at) })
}

/// The client has to fetch everything: it missed what can't be told any more.
pub fn resync_required() -> Bytes {
    text(&ServerMessage::ResyncRequired)
}

/// Something is wrong.
pub fn error(problem: &Problem) -> Bytes {
    text(&ServerMessage::Error { error_code: ProblemCode(problem.code()), message: problem.message() })
}

fn text(message: &ServerMessage<'_>) -> Bytes {
    // Serialising these types can't fail: no map keys, no foreign implementations.
    frame(Message::Text(serde_json::to_string(message).unwrap_or_default().into()))
}

/// A ping of the WebSocket protocol.
pub fn ping() -> Bytes {
    frame(Message::Ping(Bytes::new()))
}

/// The answer to one.
pub fn pong_frame(payload: Bytes) -> Bytes {
    frame(Message::Pong(payload))
}

/// The last frame.
pub fn close(reason: CloseReason) -> Bytes {
    frame(Message::Close(Some(reason)))
}

fn frame(message: Message) -> Bytes {
    let mut bytes = BytesMut::new();
    // Only a continuation out of turn is refused, and none is ever sent.
    drop(Codec::new().encode(message, &mut bytes));
    bytes.freeze()
}

#[derive(Deserialize)]
struct ClientMessage<'a> {
    #[serde(borrow, rename = "type")]
    kind: std::borrow::Cow<'a, str>,
}

/// Whether `text` is a ping, the one thing a client may say. Unknown members are ignored, as in requests.
pub fn parse_ping(text: &str) -> Result<(), Problem> {
    match serde_json::from_str::<ClientMessage<'_>>(text) {
        Ok(message) if message.kind == "ping" => Ok(()),
        Ok(_) => Err(not_a_ping()),
        Err(error) if error.classify() == Category::Data => Err(not_a_ping()),
        Err(_) => Err(Problem::new(ErrorCode::BodyNotJson, "The message is not JSON")),
    }
}

/// Why anything but a ping is refused.
pub fn not_a_ping() -> Problem {
    Problem::new(
        ErrorCode::ValueInvalid,
        r#"The only message understood here is the text {"type": "ping"}; changes go through /api/v1/todos"#,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_ping_is_understood_and_the_rest_is_told_apart() {
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
