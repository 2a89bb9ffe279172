//! OpenID Connect providers, Google among them (OpenID Connect Core 1.0, Discovery 1.0).

use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use domain::Stamp;
use domain::account::{DisplayName, Email};
use domain::identity::{Authorization, Granted, Provider, ProviderError, ProviderIdentity};
use serde::Deserialize;
use serde_json::Value;

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
    found: OnceLock<Found>,
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
    userinfo_endpoint: Option<String>,
    token_endpoint_auth_methods_supported: Option<Vec<String>>,
    /// RFC 9207 section 3.
    #[serde(default)]
    authorization_response_iss_parameter_supported: bool,
}

impl Metadata {
    /// Refuses the answer of another provider, whose code must not get to this one (RFC 9207 section 2.4).
    fn check_issuer(&self, named: Option<&str>) -> Result<(), ProviderError> {
        match named {
            Some(issuer) if issuer == self.issuer => Ok(()),
            None if !self.authorization_response_iss_parameter_supported => Ok(()),
            _ => Err(failed("the answer is not from it")),
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

/// What stands in the id token or is answered by the userinfo endpoint, as the provider likes (OpenID Connect Core 1.0 section 5.4).
#[derive(Deserialize)]
struct Profile {
    email: Option<String>,
    #[serde(default)]
    email_verified: Value,
    name: Option<String>,
}

impl Profile {
    fn verified_email(&self) -> Option<Email> {
        // A boolean by the standard, which some providers write as a word.
        let verified = self.email_verified == true || self.email_verified == "true";
        self.email.as_deref().filter(|_| verified).and_then(|email| Email::parse(email).ok())
    }
}

impl OpenIdConnect {
    /// Asks nothing of the provider yet.
    pub fn new(client: ClientSettings, issuer: &str, sealer: Arc<Sealer>) -> Result<Self, ProviderError> {
        let http = http::client().map_err(failed)?;
        Ok(Self { client, issuer: issuer.to_owned(), http, sealer, found: OnceLock::new() })
    }

    /// Whoever needs it before it is there asks: waiting for one another, many would wait long for a provider that hangs.
    async fn found(&self) -> Result<&Found, ProviderError> {
        if let Some(found) = self.found.get() {
            return Ok(found);
        }
        let url = format!("{}/.well-known/openid-configuration", self.issuer.trim_end_matches('/'));
        let metadata: Metadata =
            http::json(self.http.get(url)).await.map_err(|error| failed(format!("its metadata: {error}")))?;
        if metadata.issuer != self.issuer {
            return Err(failed(format!(
                "its metadata names the issuer {:.200}, not {}",
                metadata.issuer, self.issuer
            )));
        }
        let keys = KeySet::new(self.http.clone(), metadata.jwks_uri.clone());
        Ok(self.found.get_or_init(|| Found { metadata, keys }))
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
        if !found.keys.signed(&parts, now).await {
            return Err(failed("its id token is not signed by it"));
        }
        let token: IdToken = serde_json::from_slice(&parts.payload().map_err(refused)?)
            .map_err(|_| failed("its id token can't be read"))?;
        let us = &self.client.client_id;
        let for_us = match &token.azp {
            Some(azp) => azp == us && token.aud.holds(us),
            None => token.aud.is_only(us),
        };
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

    /// Asks the userinfo endpoint about `subject` (OpenID Connect Core 1.0 section 5.3).
    async fn ask(&self, endpoint: &str, access_token: &str, subject: &str) -> Result<Profile, ProviderError> {
        let request = self.http.get(endpoint).bearer_auth(access_token);
        let info: UserInfo = http::json(request).await.map_err(failed)?;
        if info.sub != subject {
            return Err(failed("its userinfo is about somebody else"));
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
        let found = self.found().await?;
        let memo = Memo::new()?;
        let endpoint = &found.metadata.authorization_endpoint;
        let mut url = self.client.authorization_url(endpoint, "openid email profile", state, &memo)?;
        url.query_pairs_mut().append_pair("nonce", &memo.nonce);
        Ok(Authorization { url: url.into(), memo: memo.to_text()? })
    }

    async fn identify(
        &self,
        granted: Granted<'_>,
        memo: &str,
        now: Stamp,
    ) -> Result<ProviderIdentity, ProviderError> {
        let found = self.found().await?;
        found.metadata.check_issuer(granted.issuer)?;
        let memo = Memo::of_text(memo)?;
        let methods = found.metadata.token_endpoint_auth_methods_supported.as_deref();
        let basic =
            methods.is_none_or(|methods| methods.iter().any(|method| method == "client_secret_basic"));
        let authentication = if basic { ClientAuthentication::Basic } else { ClientAuthentication::Post };
        let endpoint = &found.metadata.token_endpoint;
        let answer = self.client.exchange(&self.http, endpoint, granted.code, &memo, authentication).await?;
        let id_token = answer.id_token.ok_or_else(|| failed("it gave no id token"))?;
        let token = self.read(found, &id_token, &memo.nonce, now).await?;
        let profile = match (&found.metadata.userinfo_endpoint, &answer.access_token) {
            (Some(endpoint), Some(access)) if token.profile.email.is_none() => {
                self.ask(endpoint, access, &token.sub).await?
            }
            _ => token.profile,
        };
        Ok(ProviderIdentity {
            provider: self.client.name.clone(),
            subject: token.sub,
            verified_email: profile.verified_email(),
            name: profile.name.and_then(|name| DisplayName::parse(&name).ok()),
            tokens: self.sealer.seal(answer.access_token.as_deref(), answer.refresh_token.as_deref()),
        })
    }
}
