//! OpenID Connect providers, including Google (OpenID Connect Core 1.0, Discovery 1.0).

use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use domain::Stamp;
use domain::identity::{Authorization, AuthorizationResponse, Provider, ProviderError, ProviderIdentity};
use domain::user::{DisplayName, Email};
use reqwest::Url;
use serde::Deserialize;
use serde_json::Value;

use super::{ClientAuthentication, ClientSettings, FlowState, Sealer, failed};
use crate::http;
use crate::issuers::{Audience, KeySet, Signature, is_valid_subject};
use crate::jwt::{LEEWAY, Segments, numeric_date};

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

/// Whether the provider's word about an address counts: a counted address joins the account that has
/// it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EmailTrust {
    /// If the provider says that it verified the address.
    #[default]
    Verified,
    /// Always: for a provider that verifies each address and does not say so.
    Always,
    /// Never.
    Never,
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
    scopes_supported: Option<Vec<String>>,
    response_modes_supported: Option<Vec<String>>,
    /// RFC 9207 section 3.
    #[serde(default)]
    authorization_response_iss_parameter_supported: bool,
}

/// The part of Microsoft's issuer that stands for the tenant, in the metadata of an endpoint for
/// several tenants. The id token names the tenant in `tid`.
const TENANT: &str = "{tenantid}";

/// What this server asks for. Apple refuses scopes that it does not list.
const SCOPES: [&str; 3] = ["openid", "email", "profile"];

impl Metadata {
    /// Whether these are the metadata of `configured`. Microsoft serves one document for several
    /// tenants, under a path such as `common`, whose issuer is a template of the tenants' issuers.
    fn is_of(&self, configured: &str) -> bool {
        let tenants = ["common", "organizations", "consumers"].map(|path| self.issuer.replace(TENANT, path));
        self.issuer == configured
            || self.issuer.contains(TENANT) && tenants.iter().any(|one| one == configured)
    }

    /// The first endpoint that is not https, though the issuer is: codes and tokens must not leave TLS. An
    /// operator who configured an issuer over http has accepted that.
    fn insecure_endpoint(&self, issuer: &str) -> Option<&str> {
        let is_https = |url: &str| Url::parse(url).is_ok_and(|url| url.scheme() == "https");
        let endpoints = [&self.authorization_endpoint, &self.token_endpoint, &self.jwks_uri];
        let mut all = endpoints.into_iter().chain(&self.userinfo_endpoint).map(String::as_str);
        if is_https(issuer) { all.find(|url| !is_https(url)) } else { None }
    }

    /// Whether `token` is from this issuer, and from the tenant that it names.
    fn issued(&self, token: &IdToken) -> bool {
        let tenant = |tid: &String| is_valid_subject(tid) && self.issuer.replace(TENANT, tid) == token.iss;
        if self.issuer.contains(TENANT) {
            token.tid.as_ref().is_some_and(tenant)
        } else {
            token.iss == self.issuer
        }
    }

    fn scopes(&self) -> String {
        let supports = |scope: &&str| match &self.scopes_supported {
            Some(supported) => *scope == "openid" || supported.iter().any(|one| one == scope),
            None => true,
        };
        let apple = self.scopes_supported.as_ref().is_some_and(|all| all.iter().any(|one| one == "name"));
        let asked = SCOPES.into_iter().filter(supports).chain(apple.then_some("name"));
        asked.collect::<Vec<_>>().join(" ")
    }

    /// Whether the provider sends the response as a form. Apple does so whenever a scope beyond
    /// `openid` is asked for, and refuses to send it any other way.
    fn posts_the_response(&self) -> bool {
        let lacks_query = |modes: &Vec<String>| !modes.iter().any(|mode| mode == "query");
        self.issuer == "https://appleid.apple.com"
            || self.response_modes_supported.as_ref().is_some_and(lacks_query)
    }

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
    /// Microsoft's tenant.
    tid: Option<String>,
    #[serde(flatten)]
    profile: Profile,
}

#[derive(Deserialize)]
struct UserInfo {
    sub: String,
    /// Only in a signed response, as are `aud` and the signature (OpenID Connect Core 1.0 section
    /// 5.3.2).
    iss: Option<String>,
    aud: Option<Audience>,
    #[serde(flatten)]
    profile: Profile,
}

/// The profile claims. A provider may put them in the id token or serve them at its userinfo endpoint
/// (OpenID Connect Core 1.0 section 5.4).
#[derive(Deserialize, Default)]
struct Profile {
    email: Option<String>,
    #[serde(default)]
    email_verified: Value,
    name: Option<String>,
}

impl Profile {
    /// Whether the provider's userinfo may say more about the address.
    fn is_incomplete(&self) -> bool {
        self.email.is_none() || self.email_verified.is_null()
    }

    /// The claims of `other`, and those of this profile that `other` lacks.
    fn completed_by(self, other: Self) -> Self {
        let is_same_address = other.email.is_none() || self.email.is_none() || other.email == self.email;
        let email_verified = match other.email_verified {
            Value::Null if is_same_address => self.email_verified,
            verified => verified,
        };
        Self { email: other.email.or(self.email), email_verified, name: other.name.or(self.name) }
    }

    fn verified_email(&self, trust: EmailTrust) -> Option<Email> {
        // The standard requires a boolean; some providers send a string.
        let says_verified = self.email_verified == true || self.email_verified == "true";
        let verified = match trust {
            EmailTrust::Verified => says_verified,
            EmailTrust::Always => true,
            EmailTrust::Never => false,
        };
        self.email.as_deref().filter(|_| verified).and_then(|email| Email::parse(email).ok())
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_endpoints_of_an_https_issuer_are_https() {
        let endpoints = ["authorization_endpoint", "token_endpoint", "jwks_uri", "userinfo_endpoint"];
        let metadata = |plain: Option<&str>| -> Metadata {
            let url = |name: &str| match plain {
                Some(plain) if plain == name => format!("http://id.example/{name}"),
                _ => format!("https://id.example/{name}"),
            };
            let mut all: serde_json::Map<_, _> =
                endpoints.iter().map(|name| ((*name).to_owned(), url(name).into())).collect();
            all.insert("issuer".to_owned(), "https://id.example".into());
            serde_json::from_value(all.into()).expect("metadata")
        };
        assert_eq!(metadata(None).insecure_endpoint("https://id.example"), None);
        for name in endpoints {
            let metadata = metadata(Some(name));
            let found = metadata.insecure_endpoint("HTTPS://id.example");
            assert_eq!(found, Some(&*format!("http://id.example/{name}")));
            assert_eq!(metadata.insecure_endpoint("http://127.0.0.1:9000"), None);
        }
    }
}
