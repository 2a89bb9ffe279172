//! OAuth providers: authorization code with PKCE (RFC 6749 section 4.1, RFC 7636).

mod github;
mod oidc;
mod sealer;

pub use github::GitHub;
pub use oidc::OpenIdConnect;
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

/// What every provider is configured with.
#[derive(Clone, Debug)]
pub struct ClientSettings {
    /// The provider's name in URLs and tables.
    pub name: String,
    /// What users know it as.
    pub display_name: String,
    /// Who we are there.
    pub client_id: String,
    /// And how we prove it.
    pub client_secret: SecretString,
    /// Where the browser comes back to: exactly as registered there.
    pub redirect_uri: String,
}

/// What a flow needs at its end.
#[derive(Serialize, Deserialize)]
struct Memo {
    verifier: String,
    nonce: String,
}

impl Memo {
    fn new() -> Result<Self, ProviderError> {
        Ok(Self { verifier: random()?, nonce: random()? })
    }

    fn to_text(&self) -> Result<String, ProviderError> {
        serde_json::to_string(self).map_err(failed)
    }

    fn of_text(text: &str) -> Result<Self, ProviderError> {
        serde_json::from_str(text).map_err(failed)
    }

    /// S256 of the verifier (RFC 7636 section 4.2).
    fn challenge(&self) -> String {
        URL_SAFE_NO_PAD.encode(digest(&SHA256, self.verifier.as_bytes()))
    }
}

fn random() -> Result<String, ProviderError> {
    let mut bytes = [0; 32];
    rand::fill(&mut bytes).map_err(failed)?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

#[expect(clippy::needless_pass_by_value, reason = "it stands in `map_err`, which gives the error away")]
fn failed(error: impl ToString) -> ProviderError {
    ProviderError::Failed(error.to_string())
}

/// A token endpoint that refuses the code says `invalid_grant` (RFC 6749 section 5.2): the user may try again, the provider is well. With other
/// errors it refuses this server, whose operator has to know.
fn told(error: FetchError) -> ProviderError {
    match error {
        FetchError::Status { status: 400 | 403, error } if is_about_the_code(error.as_deref()) => {
            ProviderError::Refused("it did not accept the code".to_owned())
        }
        other => ProviderError::Failed(format!("its token endpoint {other}")),
    }
}

/// GitHub has a word of its own for it.
fn is_about_the_code(error: Option<&str>) -> bool {
    error.is_none_or(|error| matches!(error, "invalid_grant" | "bad_verification_code"))
}

#[derive(Deserialize)]
struct TokenAnswer {
    access_token: Option<String>,
    refresh_token: Option<String>,
    id_token: Option<String>,
    /// GitHub answers 200 with an `error` inside.
    error: Option<String>,
}

impl ClientSettings {
    fn authorization_url(
        &self,
        endpoint: &str,
        scope: &str,
        state: &str,
        memo: &Memo,
    ) -> Result<Url, ProviderError> {
        let mut url = Url::parse(endpoint).map_err(failed)?;
        url.query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", &self.client_id)
            .append_pair("redirect_uri", &self.redirect_uri)
            .append_pair("scope", scope)
            .append_pair("state", state)
            .append_pair("code_challenge", &memo.challenge())
            .append_pair("code_challenge_method", "S256");
        Ok(url)
    }

    async fn exchange(
        &self,
        http: &reqwest::Client,
        endpoint: &str,
        code: &str,
        memo: &Memo,
        authentication: ClientAuthentication,
    ) -> Result<TokenAnswer, ProviderError> {
        let mut form = vec![
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", &self.redirect_uri),
            ("code_verifier", &memo.verifier),
        ];
        let mut request = http.post(endpoint).header("accept", "application/json");
        match authentication {
            ClientAuthentication::Basic => {
                // Both are form-encoded first (RFC 6749 section 2.3.1).
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
        let answer: TokenAnswer = http::json(request.form(&form)).await.map_err(told)?;
        match answer.error {
            Some(error) => Err(told(FetchError::Status { status: 400, error: http::code(&error) })),
            None => Ok(answer),
        }
    }
}

/// How the token endpoint is shown who asks.
#[derive(Clone, Copy)]
enum ClientAuthentication {
    Basic,
    Post,
}
