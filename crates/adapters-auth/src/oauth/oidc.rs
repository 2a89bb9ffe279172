//! OpenID Connect providers, Google among them (OpenID Connect Core 1.0, Discovery 1.0).

use std::sync::Arc;

use async_trait::async_trait;
use domain::Stamp;
use domain::account::{DisplayName, Email};
use domain::identity::{Authorization, Provider, ProviderError, ProviderIdentity};
use jsonwebtoken::crypto;
use serde::Deserialize;
use tokio::sync::OnceCell;

use super::{ClientAuthentication, ClientSettings, Memo, Sealer, failed};
use crate::http;
use crate::issuers::{Audience, KeySet, is_subject, whole};
use crate::jwt::{LEEWAY, Parts};

/// A provider found by its issuer.
pub struct OpenIdConnect {
    client: ClientSettings,
    issuer: String,
    http: reqwest::Client,
    sealer: Arc<Sealer>,
    /// Discovered when first needed; a failure is not kept.
    found: OnceCell<Found>,
}

struct Found {
    metadata: Metadata,
    keys: KeySet,
}

#[derive(Deserialize)]
struct Metadata {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    jwks_uri: String,
    token_endpoint_auth_methods_supported: Option<Vec<String>>,
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
    email: Option<String>,
    #[serde(default)]
    email_verified: bool,
    name: Option<String>,
}

impl OpenIdConnect {
    /// Asks nothing of the provider yet.
    pub fn new(client: ClientSettings, issuer: &str, sealer: Arc<Sealer>) -> Result<Self, ProviderError> {
        let http = http::client().map_err(failed)?;
        Ok(Self { client, issuer: issuer.to_owned(), http, sealer, found: OnceCell::new() })
    }

    async fn found(&self) -> Result<&Found, ProviderError> {
        self.found
            .get_or_try_init(|| async {
                let url = format!("{}/.well-known/openid-configuration", self.issuer.trim_end_matches('/'));
                let metadata: Metadata = http::json(self.http.get(url)).await.map_err(failed)?;
                if metadata.issuer != self.issuer {
                    return Err(failed("its metadata names another issuer"));
                }
                let keys = KeySet::new(self.http.clone(), metadata.jwks_uri.clone());
                Ok(Found { metadata, keys })
            })
            .await
    }

    /// Checks an id token (OpenID Connect Core 1.0 section 3.1.3.7).
    async fn read(
        &self,
        found: &Found,
        id_token: &str,
        nonce: &str,
        now: Stamp,
    ) -> Result<IdToken, ProviderError> {
        let refused = |_| failed("its id token can't be read");
        let parts = Parts::read(id_token).map_err(refused)?;
        let keys = found.keys.named(parts.header.kid.as_deref(), now).await;
        let signed = keys.iter().any(|key| {
            key.algorithm(&parts.header.alg).is_some_and(|algorithm| {
                crypto::verify(parts.signature, parts.message, &key.key, algorithm).unwrap_or(false)
            })
        });
        if !signed {
            return Err(failed("its id token is not signed by it"));
        }
        let token: IdToken = serde_json::from_slice(&parts.payload().map_err(refused)?).map_err(failed)?;
        let for_us = token.aud.holds(&self.client.client_id)
            && token.azp.as_ref().is_none_or(|azp| *azp == self.client.client_id);
        let expires_at = whole(token.exp).map_err(refused)?;
        let issued_at = whole(token.iat).map_err(refused)?;
        if token.iss != found.metadata.issuer || !for_us {
            return Err(failed("its id token is for somebody else"));
        }
        if expires_at.plus(LEEWAY) <= now || issued_at > now.plus(LEEWAY) {
            return Err(failed("its id token is not valid now"));
        }
        if token.nonce.as_deref() != Some(nonce) {
            return Err(failed("its id token belongs to another login"));
        }
        if !is_subject(&token.sub) {
            return Err(failed("its id token names nobody"));
        }
        Ok(token)
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
        let found = self.found().await?;
        let memo = Memo::new()?;
        let endpoint = &found.metadata.authorization_endpoint;
        let mut url = self.client.authorization_url(endpoint, "openid email profile", state, &memo)?;
        url.query_pairs_mut().append_pair("nonce", &memo.nonce);
        Ok(Authorization { url: url.into(), memo: memo.to_text()? })
    }

    async fn identify(&self, code: &str, memo: &str, now: Stamp) -> Result<ProviderIdentity, ProviderError> {
        let found = self.found().await?;
        let memo = Memo::of_text(memo)?;
        let methods = found.metadata.token_endpoint_auth_methods_supported.as_deref();
        let basic =
            methods.is_none_or(|methods| methods.iter().any(|method| method == "client_secret_basic"));
        let authentication = if basic { ClientAuthentication::Basic } else { ClientAuthentication::Post };
        let endpoint = &found.metadata.token_endpoint;
        let answer = self.client.exchange(&self.http, endpoint, code, &memo, authentication).await?;
        let id_token = answer.id_token.ok_or_else(|| failed("it gave no id token"))?;
        let token = self.read(found, &id_token, &memo.nonce, now).await?;
        Ok(ProviderIdentity {
            provider: self.client.name.clone(),
            subject: token.sub,
            verified_email: token
                .email
                .filter(|_| token.email_verified)
                .and_then(|email| Email::parse(&email).ok()),
            name: token.name.and_then(|name| DisplayName::parse(&name).ok()),
            tokens: self.sealer.seal(answer.access_token.as_deref(), answer.refresh_token.as_deref()),
        })
    }
}
