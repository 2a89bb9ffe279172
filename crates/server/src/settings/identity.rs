//! OAuth providers, external issuers, and the keys for them.

use std::path::Path;

use adapters_auth::{EmailTrust, IssuerSettings, KeyPair};
use secrecy::SecretString;

use super::layers::Layers;
use super::parse::{exact_web_address, one_of, origin_of, secret, text, web_address};
use super::setting::{self, Setting};
use super::{Environment, secrets};

/// The name under which the identities of Better Auth are stored.
const BETTER_AUTH: &str = "better-auth";
const GOOGLE: &str = "google";
const GITHUB: &str = "github";

const TRUST: [(&str, EmailTrust); 3] =
    [("verified", EmailTrust::Verified), ("always", EmailTrust::Always), ("never", EmailTrust::Never)];

/// OAuth providers, external issuers, and the keys for them.
#[derive(Debug)]
pub struct Identity {
    /// The server's URL as browsers see it, without a slash at the end.
    pub public_url: String,
    /// Google and its issuer URL.
    pub google: Option<(Client, String)>,
    /// GitHub, and the URLs of its site and its API.
    pub github: Option<(Client, String, String)>,
    /// Other OpenID Connect providers.
    pub providers: Vec<OpenIdProvider>,
    /// The external issuers whose tokens are accepted.
    pub issuers: Vec<IssuerSettings>,
    /// Comma-separated secrets that encrypt provider tokens; the first one encrypts. `None`: keys
    /// are derived from the server's secrets.
    pub token_encryption_key: Option<SecretString>,
    /// The Ed25519 key pairs that sign access tokens, in PEM; the first one signs.
    pub key_pairs: Option<SecretString>,
}

/// The server's registration with a provider.
#[derive(Debug)]
pub struct Client {
    /// The provider's name in URLs and in the database.
    pub name: String,
    pub id: String,
    pub secret: SecretString,
}

/// An OpenID Connect provider other than Google.
#[derive(Debug)]
pub struct OpenIdProvider {
    pub client: Client,
    pub issuer: String,
    /// Whether the provider's word about an address counts.
    pub trust: EmailTrust,
}

impl Identity {
    pub(super) fn read(
        layers: &Layers,
        environment: Environment,
        folder: &Path,
        port: u16,
        secret_key: &SecretString,
    ) -> Self {
        let google = client(layers, GOOGLE, &setting::GOOGLE_CLIENT_ID, &setting::GOOGLE_CLIENT_SECRET);
        let google_issuer = layers.get(&setting::GOOGLE_ISSUER, web_address);
        let github = client(layers, GITHUB, &setting::GITHUB_CLIENT_ID, &setting::GITHUB_CLIENT_SECRET);
        let github_url = layers.get(&setting::GITHUB_BASE_URL, web_address);
        let github_api = layers.get(&setting::GITHUB_API_URL, web_address);
        let public_url = layers.find(&setting::PUBLIC_URL, web_address);
        let identity = Self {
            public_url: public_url.unwrap_or_else(|| format!("http://localhost:{port}")),
            google: google.map(|client| (client, google_issuer)),
            github: github.map(|client| (client, github_url, github_api)),
            providers: layers.providers().into_iter().filter_map(|name| provider(layers, name)).collect(),
            issuers: better_auth(layers, environment, secret_key),
            token_encryption_key: layers
                .find(&setting::TOKEN_ENCRYPTION_KEY, |text| environment.secrets(text)),
            key_pairs: layers.find(&setting::JWT_PRIVATE_KEY, |text| key_pairs(text, folder)),
        };
        if environment == Environment::Production {
            identity.require_https(layers);
        }
        if port == 0 && identity.has_provider() && !layers.is_given(&setting::PUBLIC_URL) {
            let problem =
                "must be set where PORT is 0 and a provider is on: providers send browsers back to it";
            layers.report(setting::PUBLIC_URL.error(problem));
        }
        identity
    }

    const fn has_provider(&self) -> bool {
        self.google.is_some() || self.github.is_some() || !self.providers.is_empty()
    }

    /// Authorization codes pass through these URLs.
    fn require_https(&self, layers: &Layers) {
        let is_plain = |url: &str| !url.starts_with("https://");
        if self.has_provider() && is_plain(&self.public_url) {
            let problem = "must be an https address in production: providers send browsers back to it";
            layers.report(setting::PUBLIC_URL.error(problem));
        }
    }
}

fn client(layers: &Layers, name: &str, id: &Setting, client_secret: &Setting) -> Option<Client> {
    let (id, secret) = layers.credentials(id, client_secret)?;
    Some(Client { name: name.to_owned(), id, secret })
}

/// The provider whose settings are `OIDC_<part>_…`.
fn provider(layers: &Layers, part: &str) -> Option<OpenIdProvider> {
    let [issuer, id, client_secret] =
        [setting::OIDC_EXAMPLE_ISSUER, setting::OIDC_EXAMPLE_CLIENT_ID, setting::OIDC_EXAMPLE_CLIENT_SECRET]
            .map(|setting| setting.of_provider(part));
    let name = part.to_ascii_lowercase().replace('_', "-");
    if !name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-') {
        layers.report(issuer.error("must have a name of letters, digits and underscores in it"));
        return None;
    }
    if [GOOGLE, GITHUB, BETTER_AUTH].contains(&name.as_str()) {
        let problem = format!("must have another name in it: {name:?} has settings of its own");
        layers.report(issuer.error(problem));
        return None;
    }
    for setting in [&id, &client_secret, &issuer] {
        if !layers.is_given(setting) {
            layers.report(setting.error(format!("must be set for the provider {name:?} to work")));
        }
    }
    let (id, secret) = (layers.find(&id, text)?, layers.find(&client_secret, secret)?);
    // Unchanged: issuers are compared exactly, including a slash at the end.
    let issuer = layers.find(&issuer, exact_web_address)?;
    let trust = layers.find(&setting::OIDC_EXAMPLE_TRUST_EMAIL.of_provider(part), one_of(&TRUST));
    Some(OpenIdProvider { client: Client { name, id, secret }, issuer, trust: trust.unwrap_or_default() })
}

/// Better Auth. Tokens signed with its published keys must have the expected `iss` and `aud`;
/// tokens signed with the shared secret must have them only if they are configured.
fn better_auth(layers: &Layers, environment: Environment, secret_key: &SecretString) -> Vec<IssuerSettings> {
    let base_url = layers.find(&setting::BETTER_AUTH_URL, web_address);
    let origin = base_url.as_deref().map(origin_of);
    let issuer = layers.find(&setting::BETTER_AUTH_ISSUER, text);
    let audience = layers.find(&setting::BETTER_AUTH_AUDIENCE, text);
    let jwks_url = layers
        .find(&setting::BETTER_AUTH_JWKS_URL, web_address)
        .or_else(|| base_url.map(|base_url| format!("{base_url}/api/auth/jwks")));
    let secret = layers.find(&setting::BETTER_AUTH_SECRET, |text| environment.secret(text));
    if secret.as_ref().is_some_and(|secret| secrets::contains(secret_key, secret)) {
        let problem = "must not be SECRET_KEY: each would sign the other's tokens";
        layers.report(setting::BETTER_AUTH_SECRET.error(problem));
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
    by_keys.into_iter().chain(by_secret).collect()
}

/// Key pairs in PEM, with `\n` for line breaks if need be, or the path of a file that contains
/// them.
fn key_pairs(text: &str, folder: &Path) -> Result<SecretString, String> {
    let pem = if text.starts_with("-----BEGIN") {
        text.replace("\\n", "\n")
    } else {
        std::fs::read_to_string(folder.join(text)).map_err(|error| {
            format!("must be Ed25519 keys in PEM or a file of them, and the file can't be read: {error}")
        })?
    };
    let pem = SecretString::from(pem);
    KeyPair::parse_all(&pem).map(|_| pem).map_err(|error| error.to_string())
}
