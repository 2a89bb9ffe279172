//! A session that was opened, with its tokens.

use std::time::Duration;

use crate::ids::SessionId;
use crate::session::{AccessToken, NewSession, RefreshSecret};
use crate::user::User;

/// The tokens of a session.
#[derive(Clone, Debug)]
pub struct Tokens {
    pub access: AccessToken,
    pub refresh: RefreshSecret,
    /// How long the access token lives.
    pub expires_in: Duration,
    pub session: SessionId,
}

/// A user with the tokens of a new or refreshed session.
#[derive(Clone, Debug)]
pub struct Login {
    pub user: Box<User>,
    pub tokens: Tokens,
}

/// A session that is not stored yet, with its first refresh token.
#[derive(Clone, Debug)]
pub(crate) struct PendingSession {
    pub new: NewSession,
    pub secret: RefreshSecret,
}
