//! What a session that was opened comes with.

use std::time::Duration;

use crate::account::User;
use crate::ids::SessionId;
use crate::session::{AccessToken, NewSession, RefreshSecret};

/// The tokens of a session.
#[derive(Clone, Debug)]
pub struct Tokens {
    /// For requests.
    pub access: AccessToken,
    /// For the next tokens.
    pub refresh: RefreshSecret,
    /// How long the access token lives.
    pub expires_in: Duration,
    /// The session.
    pub session: SessionId,
}

/// A user with the tokens of a session.
#[derive(Clone, Debug)]
pub struct LoggedIn {
    /// The user.
    pub user: Box<User>,
    /// The tokens.
    pub tokens: Tokens,
}

/// What became of a session to be opened.
#[derive(Debug)]
pub enum Opening {
    /// It is open.
    Done(LoggedIn),
    /// The account went away or is disabled.
    NoSuchUser,
    /// The password is not the one that was proved any more.
    PasswordChanged,
}

/// A session with its first refresh token, not yet stored.
#[derive(Clone, Debug)]
pub struct PendingSession {
    /// What to store.
    pub new: NewSession,
    /// The refresh token in clear.
    pub secret: RefreshSecret,
}
