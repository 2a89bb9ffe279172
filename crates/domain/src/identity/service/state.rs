//! The data stored about a flow while the browser is at the provider.

use uuid::Uuid;

use crate::ids::SessionId;

/// A flow in its stored form: text with one line per field. Only the last field may contain line
/// breaks.
pub struct StoredFlow<'a> {
    pub provider: &'a str,
    /// The fingerprint of the secret that binds the flow to a browser.
    pub binding: &'a str,
    /// The session that links the provider; empty for a login.
    pub session: &'a str,
    pub return_to: &'a str,
    /// The data that the provider's adapter needs at the callback.
    pub flow_state: &'a str,
}

impl<'a> StoredFlow<'a> {
    pub fn to_text(&self) -> String {
        [self.provider, self.binding, self.session, self.return_to, self.flow_state].join("\n")
    }

    pub fn of_text(text: &'a str) -> Option<Self> {
        let mut lines = text.splitn(5, '\n');
        Some(Self {
            provider: lines.next()?,
            binding: lines.next()?,
            session: lines.next()?,
            return_to: lines.next()?,
            flow_state: lines.next()?,
        })
    }

    pub fn session(&self) -> Option<SessionId> {
        Uuid::parse_str(self.session).ok().map(SessionId)
    }
}
