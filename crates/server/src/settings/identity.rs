//! Who else vouches for users: OAuth providers and Better Auth; and the keys beside the server's secret.

use std::path::Path;

use adapters_auth::{IssuerSettings, KeyPair, KeyRing};
use secrecy::{ExposeSecret, SecretString};

use super::known::{self, Setting};
use super::layers::Layers;
use super::{Environment, SettingsError, read};

/// The name under which the users of Better Auth are kept.
const BETTER_AUTH: &str = "better-auth";
const GOOGLE: &str = "google";
const GITHUB: &str = "github";

/// Who else vouches for users, and the keys for it.
#[derive(Debug)]
pub struct Identity {
    /// Where browsers reach this server, without a slash at the end.
    pub public_url: String,
    /// Google, or what stands in for it, and where it is.
    pub google: Option<(Client, String)>,
    /// GitHub, and where its pages and its API are.
    pub github: Option<(Client, String, String)>,
    /// OpenID Connect providers and their issuers.
    pub providers: Vec<(Client, String)>,
    /// Issuers of tokens that are accepted beside the server's own.
    pub issuers: Vec<IssuerSettings>,
    /// What provider tokens are encrypted under, with commas between; the first encrypts. `None`: what is derived from the server's
    /// secrets.
    pub token_encryption_key: Option<SecretString>,
    /// Ed25519 key pairs in PEM; the first signs access tokens.
    pub key_pairs: Option<SecretString>,
}

/// Who this server is at a provider.
#[derive(Debug)]
pub struct Client {
    /// The provider's name in URLs and tables.
    pub name: String,
    /// The client id.
    pub id: String,
    /// The client secret.
    pub secret: SecretString,
}

impl Identity {
    pub(super) fn read(
        layers: &Layers,
        environment: Environment,
        folder: &Path,
        port: u16,
        secret_key: &SecretString,
    ) -> Result<Self, SettingsError> {
        let address = |setting, usual: &str| {
            Ok(read::web_address(layers, setting)?.unwrap_or_else(|| usual.to_owned()))
        };
        let google =
            client(layers, GOOGLE, named(known::GOOGLE_CLIENT_ID), named(known::GOOGLE_CLIENT_SECRET))?;
        let google_issuer = address(known::GOOGLE_ISSUER, "https://accounts.google.com")?;
        let github =
            client(layers, GITHUB, named(known::GITHUB_CLIENT_ID), named(known::GITHUB_CLIENT_SECRET))?;
        let github_at = address(known::GITHUB_BASE_URL, "https://github.com")?;
        let github_api = address(known::GITHUB_API_URL, "https://api.github.com")?;
        let identity = Self {
            public_url: address(known::PUBLIC_URL, &format!("http://localhost:{port}"))?,
            google: google.map(|client| (client, google_issuer)),
            github: github.map(|client| (client, github_at, github_api)),
            providers: layers.providers().map(|name| provider(layers, name)).collect::<Result<_, _>>()?,
            issuers: better_auth(layers, environment, secret_key)?,
            token_encryption_key: token_encryption_key(layers, environment)?,
            key_pairs: key_pairs(layers, folder)?,
        };
        if environment == Environment::Production {
            identity.keeps_logins_private()?;
        }
        Ok(identity)
    }

    /// Codes of logins pass over these addresses.
    fn keeps_logins_private(&self) -> Result<(), SettingsError> {
        let in_clear = |address: &str| !address.starts_with("https://");
        let any = self.google.is_some() || self.github.is_some() || !self.providers.is_empty();
        if any && in_clear(&self.public_url) {
            return Err(known::PUBLIC_URL
                .bad("must be an https address in production: providers send browsers back to it"));
        }
        match self.providers.iter().find(|(_, issuer)| in_clear(issuer)) {
            Some((client, _)) => {
                let part = client.name.to_ascii_uppercase().replace('-', "_");
                let setting = known::OIDC_EXAMPLE_ISSUER;
                Err(setting.bad_as(
                    &setting.name.replacen("EXAMPLE", &part, 1),
                    "must be an https address in production",
                ))
            }
            None => Ok(()),
        }
    }
}

fn named(setting: Setting) -> (String, Setting) {
    (setting.name.to_owned(), setting)
}

/// Both parts of a client, or neither.
fn client(
    layers: &Layers,
    name: &str,
    (id, id_setting): (String, Setting),
    (secret, secret_setting): (String, Setting),
) -> Result<Option<Client>, SettingsError> {
    match (layers.text_of(&id, id_setting)?, layers.text_of(&secret, secret_setting)?) {
        (Some(id), Some(secret)) => Ok(Some(Client { name: name.to_owned(), id, secret: secret.into() })),
        (None, None) => Ok(None),
        (Some(_), None) => Err(secret_setting.bad_as(&secret, &format!("must be set where {id} is"))),
        (None, Some(_)) => Err(id_setting.bad_as(&id, &format!("must be set where {secret} is"))),
    }
}

fn provider(layers: &Layers, part: &str) -> Result<(Client, String), SettingsError> {
    let form = |setting: Setting| (setting.name.replacen("EXAMPLE", part, 1), setting);
    let (issuer, issuer_setting) = form(known::OIDC_EXAMPLE_ISSUER);
    let name = part.to_ascii_lowercase().replace('_', "-");
    let fit = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if !name.chars().all(fit) {
        return Err(
            issuer_setting.bad_as(&issuer, "must have a name of letters, digits and underscores in it")
        );
    }
    if [GOOGLE, GITHUB, BETTER_AUTH].contains(&name.as_str()) {
        let problem = format!("must have another name in it: {name:?} has settings of its own");
        return Err(issuer_setting.bad_as(&issuer, &problem));
    }
    let id = form(known::OIDC_EXAMPLE_CLIENT_ID);
    let missing = |(name, setting): &(String, Setting)| {
        setting.bad_as(
            name,
            &format!("must be set for the provider {name:?} to work", name = part.to_lowercase()),
        )
    };
    let client = client(layers, &name, id.clone(), form(known::OIDC_EXAMPLE_CLIENT_SECRET))?;
    let client = client.ok_or_else(|| missing(&id))?;
    // As it was given: an issuer is compared exactly, with its slash or without.
    read::web_address_of(layers, &issuer, issuer_setting)?;
    let given = layers.text_of(&issuer, issuer_setting)?;
    Ok((client, given.ok_or_else(|| missing(&(issuer, issuer_setting)))?))
}

/// Tokens that a published key signed say whose they are; whoever signs with the shared secret is asked for that only where it is set.
fn better_auth(
    layers: &Layers,
    environment: Environment,
    secret_key: &SecretString,
) -> Result<Vec<IssuerSettings>, SettingsError> {
    let base = read::web_address(layers, known::BETTER_AUTH_URL)?;
    let origin = base.as_deref().map(origin);
    let issuer = layers.text(known::BETTER_AUTH_ISSUER)?;
    let audience = layers.text(known::BETTER_AUTH_AUDIENCE)?;
    let jwks_url = read::web_address(layers, known::BETTER_AUTH_JWKS_URL)?
        .or_else(|| base.map(|base| format!("{base}/api/auth/jwks")));
    let secret = layers.text(known::BETTER_AUTH_SECRET)?.map(SecretString::from);
    if let Some(secret) = &secret {
        environment.admits(known::BETTER_AUTH_SECRET, secret)?;
        let secret = secret.expose_secret();
        if secret_key.expose_secret().split(',').any(|own| own.trim() == secret) {
            return Err(
                known::BETTER_AUTH_SECRET.bad("must not be SECRET_KEY: each would sign the other's tokens")
            );
        }
    }
    let by_keys = jwks_url.map(|jwks_url| IssuerSettings {
        name: BETTER_AUTH.to_owned(),
        jwks_url: Some(jwks_url),
        issuer: issuer.clone().or_else(|| origin.clone()),
        audience: audience.clone().or_else(|| origin.clone()),
        secret: None,
    });
    let by_secret = secret.map(|secret| IssuerSettings {
        name: BETTER_AUTH.to_owned(),
        secret: Some(secret),
        issuer,
        audience,
        jwks_url: None,
    });
    Ok(by_keys.into_iter().chain(by_secret).collect())
}

/// Scheme, host and port of an address.
pub(super) fn origin(address: &str) -> String {
    let end = address.find("://").map_or(0, |at| at + 3);
    let length = address[end..].find('/').map_or(address.len(), |at| end + at);
    address[..length].to_owned()
}

fn token_encryption_key(
    layers: &Layers,
    environment: Environment,
) -> Result<Option<SecretString>, SettingsError> {
    let setting = known::TOKEN_ENCRYPTION_KEY;
    let Some(key) = layers.text(setting)?.map(SecretString::from) else { return Ok(None) };
    KeyRing::parse(&key).map_err(|error| setting.bad(&error.to_string()))?;
    environment.admits(setting, &key)?;
    Ok(Some(key))
}

/// PEM as it is, with `\n` for line ends where need be, or the name of a file that holds it.
fn key_pairs(layers: &Layers, folder: &Path) -> Result<Option<SecretString>, SettingsError> {
    let setting = known::JWT_PRIVATE_KEY;
    let Some(given) = layers.text(setting)? else { return Ok(None) };
    let pem = if given.starts_with("-----BEGIN") {
        given.replace("\\n", "\n")
    } else {
        std::fs::read_to_string(folder.join(&given)).map_err(|error| {
            setting.bad(&format!(
                "must be Ed25519 keys in PEM or a file of them, and the file can't be read: {error}"
            ))
        })?
    };
    let pem = SecretString::from(pem);
    KeyPair::parse_all(&pem).map_err(|error| setting.bad(&error.to_string()))?;
    Ok(Some(pem))
}
