//! Why a socket ends, and what the server sends to the client then.

use std::time::Duration;

use actix_http::ws::{CloseCode, CloseReason};
use actix_web::web::Bytes;
use domain::StoreError;
use domain::code::ErrorCode;
use tokio::time::timeout;

use super::incoming::Incoming;
use super::mailbox::Closing;
use super::outgoing::{Outgoing, SendError};
use super::protocol;
use crate::error::Problem;
use crate::memory_budget::Exhausted;
use crate::surface::Surface;

/// The close code of a socket whose token has expired or whose session has ended.
const UNAUTHORIZED: u16 = 4401;

/// The maximum number of bytes of the reason in a close frame.
const MAX_REASON: usize = 123;

/// How long the server waits for the client's close frame after its own.
const CLOSE_REPLY: Duration = Duration::from_secs(1);

/// The end of a socket.
pub enum End {
    /// The connection is closed already.
    Disconnected,
    /// The server sends a close frame, after a message if there is one.
    Close { message: Option<Bytes>, reason: CloseReason, then: Then },
}

/// What the server does after its close frame.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Then {
    /// It waits for the client's close frame, and ends the connection.
    AwaitReply,
    /// It ends the connection: the client has sent its close frame.
    End,
    /// It discards what the client still sends for a moment. A connection that is closed before the
    /// client has sent everything is reset, and the client may never see the close frame.
    Discard,
}

impl End {
    pub fn close(code: impl Into<CloseCode>, description: &str) -> Self {
        Self::closing(code, description, Then::AwaitReply)
    }

    /// The client closes the socket.
    pub fn reply(code: CloseCode) -> Self {
        Self::closing(code, "", Then::End)
    }

    /// The client violates the protocol.
    pub fn violation(code: CloseCode, description: &str) -> Self {
        Self::closing(code, description, Then::Discard)
    }

    fn closing(code: impl Into<CloseCode>, description: &str, then: Then) -> Self {
        let reason = CloseReason { code: code.into(), description: Some(description.to_owned()) };
        Self::Close { message: None, reason, then }
    }

    fn with_message(self, message: Bytes) -> Self {
        match self {
            Self::Disconnected => Self::Disconnected,
            Self::Close { reason, then, .. } => Self::Close { message: Some(message), reason, then },
        }
    }

    /// The client reads too slowly.
    pub fn too_slow() -> Self {
        Self::close(CloseCode::Again, "too slow").with_message(protocol::resync_required())
    }

    /// The server needs the connection for other clients.
    pub fn made_room() -> Self {
        Self::close(CloseCode::Again, "too many connections")
    }

    /// The account is deleted.
    pub fn account_gone() -> Self {
        Self::close(UNAUTHORIZED, "the account is gone")
    }

    pub fn token_expired() -> Self {
        Self::close(UNAUTHORIZED, "the token has expired")
    }

    /// The store could not be read.
    pub fn failed(error: StoreError) -> Self {
        Self::try_again(&error.into())
    }

    /// No memory became free for what the socket has to send.
    pub fn out_of_memory(reason: Exhausted) -> Self {
        let (code, message) = match reason {
            Exhausted::ByOwner => (
                ErrorCode::RateLimited,
                "The sockets of this account have too much to send at once: read from the others first",
            ),
            Exhausted::ByOthers => (
                ErrorCode::DatabaseUnavailable,
                "The server's sockets have too much to send at once: try again",
            ),
        };
        Self::try_again(&Problem::new(code, message))
    }

    /// The server refuses the socket of a page: 4401, 4403, 4422 or 4429 like the status, or 1013.
    pub fn refused(problem: &Problem) -> Self {
        let status = problem.status(Surface::V1);
        if !status.is_client_error() {
            return Self::try_again(problem);
        }
        // A close frame has room for 123 bytes (RFC 6455 section 5.5).
        let text = problem.message();
        let end = (0..=text.len().min(MAX_REASON)).rev().find(|end| text.is_char_boundary(*end));
        let reason = &text[..end.unwrap_or_default()];
        Self::close(4000 + status.as_u16(), reason).with_message(protocol::error(problem))
    }

    /// Closes the socket.
    pub async fn carry_out(self, out: Outgoing, mut incoming: Incoming) {
        let Self::Close { message, reason, then } = self else { return };
        let closing = out.close(message, reason);
        if then == Then::AwaitReply {
            // A client that does not reply loses nothing by an abrupt end.
            let _ = timeout(CLOSE_REPLY, incoming.closed()).await;
        }
        if then != Then::Discard {
            closing.end_at_once();
        }
    }

    pub fn try_again(problem: &Problem) -> Self {
        Self::close(CloseCode::Again, "try again").with_message(protocol::error(problem))
    }
}

impl From<SendError> for End {
    fn from(error: SendError) -> Self {
        match error {
            SendError::Disconnected => Self::Disconnected,
            SendError::TimedOut => Self::too_slow(),
        }
    }
}

impl From<Closing> for End {
    fn from(closing: Closing) -> Self {
        match closing {
            Closing::Revoked => Self::close(UNAUTHORIZED, "the session has ended"),
            Closing::ShuttingDown => Self::close(CloseCode::Restart, "the server restarts"),
        }
    }
}
