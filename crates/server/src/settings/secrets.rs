//! The secrets that sign and encrypt.

use std::path::Path;

use adapters_auth::KeyRing;
use secrecy::{ExposeSecret, SecretString};

use super::generated_secret;
use super::layers::Layers;
use super::parse::text;
use super::setting::{self, EXAMPLE_SECRET};
use super::{DATA_FOLDER, Environment};

/// The minimum length of a secret in production: that of the hash it keys (RFC 7518 section 3.2).
pub(super) const MIN_BYTES: usize = 32;

impl Environment {
    /// Parses comma-separated secrets. In production, refuses a secret that is short or well-known.
    pub(super) fn secrets(self, text: &str) -> Result<SecretString, String> {
        let secrets = SecretString::from(text);
        KeyRing::parse(&secrets).map_err(|error| error.to_string())?;
        self.admit(text.split(',').map(str::trim)).map(|()| secrets)
    }

    /// Parses one secret, which may contain commas, under the same rules.
    pub(super) fn secret(self, text: &str) -> Result<SecretString, String> {
        self.admit([text].into_iter()).map(|()| text.into())
    }

    fn admit<'a>(self, mut secrets: impl Iterator<Item = &'a str> + Clone) -> Result<(), String> {
        if self != Self::Production {
            return Ok(());
        }
        if secrets.clone().any(|secret| secret.starts_with(EXAMPLE_SECRET)) {
            return Err("must not be the example's in production: everybody knows that one".into());
        }
        if secrets.any(|secret| secret.len() < MIN_BYTES) {
            return Err(format!(
                "must have {MIN_BYTES} bytes or more in production (`openssl rand -base64 48` makes some)"
            ));
        }
        Ok(())
    }
}

/// The secrets that sign tokens. In development, a missing secret is generated and stored in
/// `folder`.
pub fn secret_key(layers: &Layers, environment: Environment, folder: &Path) -> SecretString {
    let setting = setting::SECRET_KEY;
    let given = layers.find(&setting, text);
    let alias = layers.find(&setting::JWT_SECRET_KEY, text);
    if given.is_some() && alias.is_some() && given != alias {
        let problem = "is another name of SECRET_KEY and must not say something else";
        layers.report(setting::JWT_SECRET_KEY.error(problem));
    }
    let secret = match given.or(alias) {
        Some(text) => environment.secrets(&text),
        None if environment == Environment::Development => {
            generated_secret::load_or_create(&folder.join(DATA_FOLDER))
                .map_err(|error| format!("is not set, and none can be kept in {DATA_FOLDER}/: {error}"))
        }
        None => {
            Err("must be set outside development, to the output of `openssl rand -base64 48` or the like"
                .into())
        }
    };
    layers.parsed(&setting, secret).unwrap_or_default()
}

/// Whether `secret` is one of the comma-separated `secrets`.
pub fn contains(secrets: &SecretString, secret: &SecretString) -> bool {
    secrets.expose_secret().split(',').any(|known| known.trim() == secret.expose_secret())
}
