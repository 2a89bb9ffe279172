//! Why a socket ends, and what the server sends to the client then.

use actix_http::ws::{CloseCode, CloseReason};
use actix_web::web::Bytes;
use domain::StoreError;

use super::mailbox::Closing;
use super::outgoing::SendError;
use super::protocol;
use crate::error::Problem;

/// The close code of a socket whose token has expired or whose session has ended.
const UNAUTHORIZED: u16 = 4401;

/// The end of a socket.
pub enum End {
    /// The connection is closed already.
    Disconnected,
    /// The server sends a close frame, after a message if there is one.
    Close { message: Option<Bytes>, reason: CloseReason },
}

impl End {
    pub fn close(code: impl Into<CloseCode>, description: &str) -> Self {
        let reason = CloseReason { code: code.into(), description: Some(description.to_owned()) };
        Self::Close { message: None, reason }
    }

    fn with_message(self, message: Bytes) -> Self {
        match self {
            Self::Disconnected => Self::Disconnected,
            Self::Close { reason, .. } => Self::Close { message: Some(message), reason },
        }
    }

    /// The client reads too slowly.
    pub fn too_slow() -> Self {
        Self::close(CloseCode::Again, "too slow").with_message(protocol::resync_required())
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
