//! OpenID Connect providers, including Google (OpenID Connect Core 1.0, Discovery 1.0).

mod claims;
mod metadata;

use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use domain::Stamp;
use domain::identity::{Authorization, AuthorizationResponse, Provider, ProviderError, ProviderIdentity};
use domain::user::DisplayName;

use super::{ClientAuthentication, ClientSettings, FlowState, Sealer, failed};
use crate::http;
use crate::issuers::{KeySet, Signature, is_valid_subject};
use crate::jwt::{LEEWAY, Segments, numeric_date};

pub use claims::EmailTrust;
use claims::{IdToken, Profile, UserInfo};
use metadata::{Metadata, TENANT};

/// A provider that is discovered by its issuer URL.
pub struct OpenIdConnect {
    client: ClientSettings,
    issuer: String,
    trust: EmailTrust,
    http: reqwest::Client,
    sealer: Arc<Sealer>,
    /// Set by the first successful discovery.
    discovered: OnceLock<Discovered>,
}

struct Discovered {
    metadata: Metadata,
    keys: KeySet,
}

impl OpenIdConnect {
    /// Sends no request yet.
    pub fn new(
        client: ClientSettings,
        issuer: &str,
        trust: EmailTrust,
        sealer: Arc<Sealer>,
    ) -> Result<Self, ProviderError> {
        let http = http::client().map_err(failed)?;
        Ok(Self { client, issuer: issuer.to_owned(), trust, http, sealer, discovered: OnceLock::new() })
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
        if !metadata.is_of(&self.issuer) {
            return Err(failed(format!(
                "its metadata names the issuer {:.200}, not {}",
                metadata.issuer, self.issuer
            )));
        }
        if let Some(endpoint) = metadata.insecure_endpoint(&self.issuer) {
            return Err(failed(format!("its metadata names {endpoint:.200}, which is not https")));
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
        discovered.check_signature(&segments, "id token", now).await?;
        let token: IdToken = serde_json::from_slice(&segments.payload().map_err(malformed)?)
            .map_err(|_| failed("its id token is malformed"))?;
        let client_id = &self.client.client_id;
        let is_for_this_client = match &token.azp {
            Some(azp) => azp == client_id && token.aud.contains(client_id),
            None => token.aud.is_exactly(client_id),
        };
        let expires_at = numeric_date(token.exp).map_err(malformed)?;
        let issued_at = numeric_date(token.iat).map_err(malformed)?;
        if !discovered.metadata.issued(&token) || !is_for_this_client {
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

    /// Requests the claims of the id token's subject (OpenID Connect Core 1.0 section 5.3), as JSON or
    /// as a JWT that the provider signs.
    async fn userinfo(
        &self,
        discovered: &Discovered,
        endpoint: &str,
        access_token: &str,
        token: &IdToken,
        now: Stamp,
    ) -> Result<Profile, ProviderError> {
        let request = self.http.get(endpoint).bearer_auth(access_token);
        let malformed = || failed("its userinfo is not the expected JSON or JWT");
        let body = http::fetch(request).await.map_err(|error| failed(format!("its userinfo: {error}")))?;
        let info: UserInfo = if body.media_type == "application/jwt" {
            let jwt = str::from_utf8(&body.bytes).map_err(|_| malformed())?;
            let segments = Segments::parse(jwt.trim()).map_err(|_| malformed())?;
            discovered.check_signature(&segments, "userinfo", now).await?;
            serde_json::from_slice(&segments.payload().map_err(|_| malformed())?).map_err(|_| malformed())?
        } else {
            serde_json::from_slice(&body.bytes).map_err(|_| malformed())?
        };
        let is_for_this_client = info.aud.is_none_or(|aud| aud.contains(&self.client.client_id));
        if info.sub != token.sub || info.iss.is_some_and(|iss| iss != token.iss) || !is_for_this_client {
            return Err(failed("its userinfo is about another user, or for another client"));
        }
        Ok(info.profile)
    }
}

impl Discovered {
    async fn check_signature(
        &self,
        segments: &Segments<'_>,
        what: &str,
        now: Stamp,
    ) -> Result<(), ProviderError> {
        match self.keys.signature(segments, now).await {
            Signature::Valid => Ok(()),
            Signature::Invalid => Err(failed(format!("its {what} is not signed with its keys"))),
            Signature::KeysUnknown => Err(failed("its keys could not be fetched")),
        }
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
        let scopes = discovered.metadata.scopes();
        let mut url = self.client.authorization_url(endpoint, &scopes, state, &flow)?;
        url.query_pairs_mut().append_pair("nonce", &flow.nonce);
        if discovered.metadata.posts_the_response() {
            url.query_pairs_mut().append_pair("response_mode", "form_post");
        }
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
        let userinfo = match (&discovered.metadata.userinfo_endpoint, &tokens.access_token) {
            (Some(endpoint), Some(access)) if token.profile.is_incomplete() => {
                self.userinfo(discovered, endpoint, access, &token, now).await?
            }
            _ => Profile::default(),
        };
        let profile = token.profile.completed_by(userinfo);
        Ok(ProviderIdentity {
            provider: self.client.name.clone(),
            // Subjects are unique within a tenant.
            subject: match token.tid.filter(|_| discovered.metadata.issuer.contains(TENANT)) {
                Some(tenant) => format!("{tenant}:{}", token.sub),
                None => token.sub,
            },
            verified_email: profile.verified_email(self.trust),
            name: profile.name.and_then(|name| DisplayName::parse(&name).ok()),
            tokens: self.sealer.seal(tokens.access_token.as_deref(), tokens.refresh_token.as_deref()),
        })
    }
}
