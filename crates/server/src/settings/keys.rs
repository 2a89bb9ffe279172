//! The secrets that sign, and which are refused.

use std::path::Path;

use adapters_auth::KeyRing;
use secrecy::{ExposeSecret, SecretString};

use super::known::Setting;
use super::layers::Layers;
use super::{DATA_FOLDER, Environment, SettingsError, known, secret};

/// The least bytes of a secret in production: as many as the hash it keys (RFC 7518 section 3.2).
pub(super) const SECRET_BYTES: usize = 32;

impl Environment {
    /// Refuses, in production, secrets that can be guessed. `secrets` has commas between them.
    pub fn admits(self, setting: Setting, secrets: &SecretString) -> Result<(), SettingsError> {
        let mut secrets = secrets.expose_secret().split(',').map(str::trim);
        if self != Self::Production {
            return Ok(());
        }
        if secrets.clone().any(|secret| secret.starts_with(known::EXAMPLE_SECRET)) {
            return Err(setting.bad("must not be the example's in production: everybody knows that one"));
        }
        if secrets.any(|secret| secret.len() < SECRET_BYTES) {
            return Err(setting.bad(&format!("must have {SECRET_BYTES} bytes or more in production")));
        }
        Ok(())
    }
}

/// The secrets that sign. None is ever quoted in an error.
pub fn secret_key(
    layers: &Layers,
    environment: Environment,
    folder: &Path,
) -> Result<SecretString, SettingsError> {
    let setting = known::SECRET_KEY;
    let given = match (layers.text(setting)?, layers.text(known::JWT_SECRET_KEY)?) {
        (Some(one), Some(other)) if one != other => {
            return Err(
                known::JWT_SECRET_KEY.bad("is another name of SECRET_KEY and must not say something else")
            );
        }
        (one, other) => one.or(other),
    };
    let Some(given) = given.map(SecretString::from) else {
        if environment != Environment::Development {
            return Err(setting.bad("must be set outside development, to 32 random bytes or more"));
        }
        return secret::kept_in(&folder.join(DATA_FOLDER)).map_err(|error| {
            setting.bad(&format!("is not set, and none can be kept in {DATA_FOLDER}/: {error}"))
        });
    };
    KeyRing::parse(&given).map_err(|error| setting.bad(&error.to_string()))?;
    environment.admits(setting, &given)?;
    Ok(given)
}
