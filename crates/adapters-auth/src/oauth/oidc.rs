//! OpenID Connect providers, including Google (OpenID Connect Core 1.0, Discovery 1.0).

use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use domain::Stamp;
use domain::identity::{Authorization, AuthorizationResponse, Provider, ProviderError, ProviderIdentity};
use domain::user::{DisplayName, Email};
use serde::Deserialize;
use serde_json::Value;

use super::{ClientAuthentication, ClientSettings, FlowState, Sealer, failed};
use crate::http;
use crate::issuers::{Audience, KeySet, is_valid_subject};
use crate::jwt::{LEEWAY, Segments, numeric_date};

/// A provider that is discovered by its issuer URL.
pub struct OpenIdConnect {
    client: ClientSettings,
    issuer: String,
    http: reqwest::Client,
    sealer: Arc<Sealer>,
    /// Set by the first successful discovery.
    discovered: OnceLock<Discovered>,
}

struct Discovered {
    metadata: Metadata,
    keys: KeySet,
}

#[derive(Deserialize)]
struct Metadata {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    jwks_uri: String,
    userinfo_endpoint: Option<String>,
    token_endpoint_auth_methods_supported: Option<Vec<String>>,
    /// RFC 9207 section 3.
    #[serde(default)]
    authorization_response_iss_parameter_supported: bool,
}

impl Metadata {
    /// Refuses a callback that another provider sent: its code must not be sent here (RFC 9207
    /// section 2.4).
    fn check_issuer(&self, iss: Option<&str>) -> Result<(), ProviderError> {
        match iss {
            Some(issuer) if issuer == self.issuer => Ok(()),
            None if !self.authorization_response_iss_parameter_supported => Ok(()),
            _ => Err(failed("the callback is from another provider")),
        }
    }
}

#[derive(Deserialize)]
struct IdToken {
    iss: String,
    sub: String,
    aud: Audience,
    azp: Option<String>,
    exp: f64,
    iat: f64,
    nonce: Option<String>,
    #[serde(flatten)]
    profile: Profile,
}

#[derive(Deserialize)]
struct UserInfo {
    sub: String,
    #[serde(flatten)]
    profile: Profile,
}

/// The profile claims. A provider may put them in the id token or serve them at its userinfo endpoint
/// (OpenID Connect Core 1.0 section 5.4).
#[derive(Deserialize)]
struct Profile {
    email: Option<String>,
    #[serde(default)]
    email_verified: Value,
    name: Option<String>,
}

impl Profile {
    fn verified_email(&self) -> Option<Email> {
        // The standard requires a boolean; some providers send a string.
        let verified = self.email_verified == true || self.email_verified == "true";
        self.email.as_deref().filter(|_| verified).and_then(|email| Email::parse(email).ok())
    }
}

impl OpenIdConnect {
    /// Sends no request yet.
    pub fn new(client: ClientSettings, issuer: &str, sealer: Arc<Sealer>) -> Result<Self, ProviderError> {
        let http = http::client().map_err(failed)?;
        Ok(Self { client, issuer: issuer.to_owned(), http, sealer, discovered: OnceLock::new() })
    }

    /// Concurrent callers each send a request: with a shared one, all of them would wait for the time-out of
    /// a provider that hangs, one after another.
    async fn discover(&self) -> Result<&Discovered, ProviderError> {
        if let Some(discovered) = self.discovered.get() {
            return Ok(discovered);
        }
        let url = format!("{}/.well-known/openid-configuration", self.issuer.trim_end_matches('/'));
        let metadata: Metadata = http::fetch_json(self.http.get(url))
            .await
            .map_err(|error| failed(format!("its metadata: {error}")))?;
        if metadata.issuer != self.issuer {
            return Err(failed(format!(
                "its metadata names the issuer {:.200}, not {}",
                metadata.issuer, self.issuer
            )));
        }
        let keys = KeySet::new(self.http.clone(), metadata.jwks_uri.clone());
        Ok(self.discovered.get_or_init(|| Discovered { metadata, keys }))
    }

    /// Verifies an id token (OpenID Connect Core 1.0 section 3.1.3.7).
    async fn verify(
        &self,
        discovered: &Discovered,
        id_token: &str,
        nonce: &str,
        now: Stamp,
    ) -> Result<IdToken, ProviderError> {
        let malformed = |_| failed("its id token is malformed");
        let segments = Segments::parse(id_token).map_err(malformed)?;
        if !discovered.keys.signed(&segments, now).await {
            return Err(failed("its id token is not signed with its keys"));
        }
        let token: IdToken = serde_json::from_slice(&segments.payload().map_err(malformed)?)
            .map_err(|_| failed("its id token is malformed"))?;
        let client_id = &self.client.client_id;
        let is_for_this_client = match &token.azp {
            Some(azp) => azp == client_id && token.aud.contains(client_id),
            None => token.aud.is_exactly(client_id),
        };
        let expires_at = numeric_date(token.exp).map_err(malformed)?;
        let issued_at = numeric_date(token.iat).map_err(malformed)?;
        if token.iss != discovered.metadata.issuer || !is_for_this_client {
            return Err(failed("its id token has another issuer or audience"));
        }
        if expires_at.plus(LEEWAY) <= now || issued_at > now.plus(LEEWAY) {
            return Err(failed("its id token is expired or not yet valid"));
        }
        if token.nonce.as_deref() != Some(nonce) {
            return Err(failed("its id token has another nonce"));
        }
        if !is_valid_subject(&token.sub) {
            return Err(failed("its id token has no usable subject"));
        }
        Ok(token)
    }

    /// Requests the claims of `subject` (OpenID Connect Core 1.0 section 5.3).
    async fn userinfo(
        &self,
        endpoint: &str,
        access_token: &str,
        subject: &str,
    ) -> Result<Profile, ProviderError> {
        let request = self.http.get(endpoint).bearer_auth(access_token);
        let info: UserInfo = http::fetch_json(request).await.map_err(failed)?;
        if info.sub != subject {
            return Err(failed("its userinfo is about another user"));
        }
        Ok(info.profile)
    }
}

#[async_trait]
impl Provider for OpenIdConnect {
    fn name(&self) -> &str {
        &self.client.name
    }

    fn display_name(&self) -> &str {
        &self.client.display_name
    }

    async fn authorize(&self, state: &str) -> Result<Authorization, ProviderError> {
        let discovered = self.discover().await?;
        let flow = FlowState::generate()?;
        let endpoint = &discovered.metadata.authorization_endpoint;
        let mut url = self.client.authorization_url(endpoint, "openid email profile", state, &flow)?;
        url.query_pairs_mut().append_pair("nonce", &flow.nonce);
        Ok(Authorization { url: url.into(), flow_state: flow.to_json()? })
    }

    async fn identify(
        &self,
        response: AuthorizationResponse<'_>,
        flow_state: &str,
        now: Stamp,
    ) -> Result<ProviderIdentity, ProviderError> {
        let discovered = self.discover().await?;
        discovered.metadata.check_issuer(response.issuer)?;
        let flow = FlowState::from_json(flow_state)?;
        let methods = discovered.metadata.token_endpoint_auth_methods_supported.as_deref();
        let supports_basic =
            methods.is_none_or(|methods| methods.iter().any(|method| method == "client_secret_basic"));
        let authentication =
            if supports_basic { ClientAuthentication::Basic } else { ClientAuthentication::Post };
        let endpoint = &discovered.metadata.token_endpoint;
        let tokens = self.client.exchange(&self.http, endpoint, response.code, &flow, authentication).await?;
        let id_token = tokens.id_token.ok_or_else(|| failed("its token response has no id token"))?;
        let token = self.verify(discovered, &id_token, &flow.nonce, now).await?;
        let profile = match (&discovered.metadata.userinfo_endpoint, &tokens.access_token) {
            (Some(endpoint), Some(access)) if token.profile.email.is_none() => {
                self.userinfo(endpoint, access, &token.sub).await?
            }
            _ => token.profile,
        };
        Ok(ProviderIdentity {
            provider: self.client.name.clone(),
            subject: token.sub,
            verified_email: profile.verified_email(),
            name: profile.name.and_then(|name| DisplayName::parse(&name).ok()),
            tokens: self.sealer.seal(tokens.access_token.as_deref(), tokens.refresh_token.as_deref()),
        })
    }
}
