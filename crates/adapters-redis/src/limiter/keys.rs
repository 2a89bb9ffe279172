//! The names under which Redis counts.

use std::fmt::Write as _;

use aws_lc_rs::hmac;
use domain::limits::LimitKey;

/// Names keys by an HMAC. Addresses of users and networks are in keys, and must not be in Redis; with a plain hash,
/// they could be guessed.
pub(super) struct Keys(hmac::Key);

/// 128 bits are enough to tell keys apart.
const BYTES: usize = 16;

impl Keys {
    pub(super) fn new(secret: &[u8; 32]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, secret))
    }

    pub(super) fn name(&self, key: &LimitKey) -> String {
        let (kind, text) = parts(key);
        let digest = hmac::sign(&self.0, text.as_bytes());
        let mut name = format!("todo-sync:limit:{kind}:");
        for byte in &digest.as_ref()[..BYTES] {
            // Writing to a string does not fail.
            let _ = write!(name, "{byte:02x}");
        }
        name
    }
}

/// The kind of the key, and what distinguishes it within that kind.
fn parts(key: &LimitKey) -> (&'static str, String) {
    match key {
        LimitKey::LoginFrom(network) => ("login-from", network.to_string()),
        LimitKey::LoginTo(email) => ("login-to", email.clone()),
        LimitKey::PasswordOf(user) => ("password-of", user.0.to_string()),
        LimitKey::RightPasswordOf(account) => ("right-password-of", account.clone()),
        LimitKey::RegistrationFrom(network) => ("registration-from", network.to_string()),
        LimitKey::MailFrom(network) => ("mail-from", network.to_string()),
        LimitKey::MailTo(email) => ("mail-to", email.clone()),
        LimitKey::MailOf(user) => ("mail-of", user.0.to_string()),
        LimitKey::ChangeOf(user) => ("change-of", user.0.to_string()),
        LimitKey::FlowFrom(network) => ("flow-from", network.to_string()),
        LimitKey::Refresh(session) => ("refresh", session.0.to_string()),
        LimitKey::RefreshToken(token) => ("refresh-token", token.0.to_string()),
        LimitKey::Api(user) => ("api", user.0.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_tells_the_kind_and_hides_the_rest() {
        let (keys, others) = (Keys::new(&[1; 32]), Keys::new(&[2; 32]));
        let ann = |kind: fn(String) -> LimitKey| kind("ann@example.com".to_owned());
        let name = keys.name(&ann(LimitKey::LoginTo));
        assert!(name.starts_with("todo-sync:limit:login-to:") && !name.contains("ann"), "{name}");
        assert_eq!(name, keys.name(&ann(LimitKey::LoginTo)), "on every instance");
        assert_ne!(name, keys.name(&ann(LimitKey::MailTo)));
        assert_ne!(name, others.name(&ann(LimitKey::LoginTo)));
    }
}
