//! OAuth providers: the authorization code flow with PKCE (RFC 6749 section 4.1, RFC 7636).

mod github;
mod oidc;
mod sealer;

pub use github::GitHub;
pub use oidc::{EmailTrust, OpenIdConnect};
pub use sealer::Sealer;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::identity::ProviderError;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use url::Url;

use crate::http::{self, FetchError};

/// The settings that every provider needs.
#[derive(Clone, Debug)]
pub struct ClientSettings {
    /// The provider's name in URLs and in the database.
    pub name: String,
    /// The provider's name as users know it.
    pub display_name: String,
    pub client_id: String,
    pub client_secret: SecretString,
    /// The callback URL, exactly as registered with the provider.
    pub redirect_uri: String,
}

/// The secrets of a flow, which the callback needs again. The domain stores them as JSON until
/// then.
#[derive(Serialize, Deserialize)]
struct FlowState {
    /// The PKCE code verifier.
    verifier: String,
    /// Binds the id token to the flow (OpenID Connect only).
    nonce: String,
}

impl FlowState {
    fn generate() -> Result<Self, ProviderError> {
        Ok(Self { verifier: random()?, nonce: random()? })
    }

    fn to_json(&self) -> Result<String, ProviderError> {
        serde_json::to_string(self).map_err(failed)
    }

    fn from_json(text: &str) -> Result<Self, ProviderError> {
        serde_json::from_str(text).map_err(failed)
    }

    /// The code challenge: S256 of the verifier (RFC 7636 section 4.2).
    fn challenge(&self) -> String {
        URL_SAFE_NO_PAD.encode(digest(&SHA256, self.verifier.as_bytes()))
    }
}

fn random() -> Result<String, ProviderError> {
    let mut bytes = [0; 32];
    rand::fill(&mut bytes).map_err(failed)?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

#[expect(clippy::needless_pass_by_value, reason = "`map_err` passes the error by value")]
fn failed(error: impl ToString) -> ProviderError {
    ProviderError::Failed(error.to_string())
}

/// Distinguishes a refused code from a failure (RFC 6749 section 5.2). After a refused code the
/// user can try again; every other error concerns this server's registration, and its operator must
/// act.
fn token_error(error: FetchError) -> ProviderError {
    match error {
        FetchError::Status { status: 400 | 403, error } if is_invalid_grant(error.as_deref()) => {
            ProviderError::Refused("it did not accept the authorization code".to_owned())
        }
        other => ProviderError::Failed(format!("its token endpoint: {other}")),
    }
}

/// Whether the error means a refused code. GitHub uses an error code of its own.
fn is_invalid_grant(error: Option<&str>) -> bool {
    error.is_none_or(|error| matches!(error, "invalid_grant" | "bad_verification_code"))
}

#[derive(Deserialize)]
struct TokenResponse {
    access_token: Option<String>,
    refresh_token: Option<String>,
    id_token: Option<String>,
    /// GitHub reports errors with status 200.
    error: Option<String>,
}

impl ClientSettings {
    fn authorization_url(
        &self,
        endpoint: &str,
        scope: &str,
        state: &str,
        flow: &FlowState,
    ) -> Result<Url, ProviderError> {
        let mut url = Url::parse(endpoint).map_err(failed)?;
        url.query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", &self.client_id)
            .append_pair("redirect_uri", &self.redirect_uri)
            .append_pair("scope", scope)
            .append_pair("state", state)
            .append_pair("code_challenge", &flow.challenge())
            .append_pair("code_challenge_method", "S256");
        Ok(url)
    }

    async fn exchange(
        &self,
        http: &reqwest::Client,
        endpoint: &str,
        code: &str,
        flow: &FlowState,
        authentication: ClientAuthentication,
    ) -> Result<TokenResponse, ProviderError> {
        let mut form = vec![
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", &self.redirect_uri),
            ("code_verifier", &flow.verifier),
        ];
        let mut request = http.post(endpoint).header("accept", "application/json");
        match authentication {
            ClientAuthentication::Basic => {
                // Both parts are form-encoded first (RFC 6749 section 2.3.1).
                let encode =
                    |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
                let secret = encode(self.client_secret.expose_secret());
                request = request.basic_auth(encode(&self.client_id), Some(secret));
            }
            ClientAuthentication::Post => {
                form.push(("client_id", &self.client_id));
                form.push(("client_secret", self.client_secret.expose_secret()));
            }
        }
        let response: TokenResponse = http::fetch_json(request.form(&form)).await.map_err(token_error)?;
        match response.error {
            Some(error) => {
                Err(token_error(FetchError::Status { status: 400, error: http::loggable_code(&error) }))
            }
            None => Ok(response),
        }
    }
}

/// How the client authenticates to the token endpoint (RFC 6749 section 2.3.1): with HTTP Basic, or with
/// its credentials in the request body.
#[derive(Clone, Copy)]
enum ClientAuthentication {
    Basic,
    Post,
}
