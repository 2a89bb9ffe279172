//! What is remembered of a flow while the browser is at the provider.

use uuid::Uuid;

use crate::ids::SessionId;
use crate::session::Principal;

/// The session of a caller who links, as [`State::session`] reads it.
pub fn session_of(caller: &Principal) -> String {
    caller.session.map_or_else(String::new, |session| session.to_string())
}

/// What is remembered of a flow, a line each; the memo, which may hold anything, is the last.
pub struct State<'a> {
    pub provider: &'a str,
    pub binding: &'a str,
    /// The one that links; empty for a login.
    pub session: &'a str,
    pub return_to: &'a str,
    pub memo: &'a str,
}

impl<'a> State<'a> {
    pub fn to_text(&self) -> String {
        [self.provider, self.binding, self.session, self.return_to, self.memo].join("\n")
    }

    pub fn session(&self) -> Option<SessionId> {
        Uuid::parse_str(self.session).ok().map(SessionId)
    }

    pub fn of_text(text: &'a str) -> Option<Self> {
        let mut parts = text.splitn(5, '\n');
        Some(Self {
            provider: parts.next()?,
            binding: parts.next()?,
            session: parts.next()?,
            return_to: parts.next()?,
            memo: parts.next()?,
        })
    }
}
