//! The data stored about a flow while the browser is at the provider, and about a login until its
//! code is exchanged. Both are text with one line per field.

use uuid::Uuid;

use crate::ids::SessionId;

/// A flow in its stored form. Only the last field may contain line breaks.
pub struct StoredFlow<'a> {
    pub provider: &'a str,
    /// The fingerprint of the secret that binds the flow to a browser.
    pub binding: &'a str,
    /// The session that links the provider; empty for a login.
    pub session: &'a str,
    /// The challenge of the client, as a fingerprint; empty if it gave none.
    pub challenge: &'a str,
    pub return_to: &'a str,
    /// The data that the provider's adapter needs at the callback.
    pub flow_state: &'a str,
}

impl<'a> StoredFlow<'a> {
    pub fn to_text(&self) -> String {
        [self.provider, self.binding, self.session, self.challenge, self.return_to, self.flow_state]
            .join("\n")
    }

    pub fn of_text(text: &'a str) -> Option<Self> {
        let mut lines = text.splitn(6, '\n');
        Some(Self {
            provider: lines.next()?,
            binding: lines.next()?,
            session: lines.next()?,
            challenge: lines.next()?,
            return_to: lines.next()?,
            flow_state: lines.next()?,
        })
    }

    pub fn session(&self) -> Option<SessionId> {
        Uuid::parse_str(self.session).ok().map(SessionId)
    }
}

/// A login in its stored form. Only the last field may contain line breaks.
pub struct StoredLogin<'a> {
    pub provider: &'a str,
    /// The fingerprint of the verifier or of the cookie that must come with the code.
    pub binding: &'a str,
    /// Whether the binding is that of a verifier: `verifier`, or `cookie`.
    pub bound_by: &'a str,
    pub subject: &'a str,
}

impl<'a> StoredLogin<'a> {
    pub const VERIFIER: &'static str = "verifier";
    pub const COOKIE: &'static str = "cookie";

    pub fn to_text(&self) -> String {
        [self.provider, self.binding, self.bound_by, self.subject].join("\n")
    }

    pub fn of_text(text: &'a str) -> Option<Self> {
        let mut lines = text.splitn(4, '\n');
        Some(Self {
            provider: lines.next()?,
            binding: lines.next()?,
            bound_by: lines.next()?,
            subject: lines.next()?,
        })
    }
}
