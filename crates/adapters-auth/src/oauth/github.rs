//! GitHub, which supports OAuth but not OpenID Connect.

use std::sync::Arc;

use async_trait::async_trait;
use domain::Stamp;
use domain::identity::{Authorization, AuthorizationResponse, Provider, ProviderError, ProviderIdentity};
use domain::user::{DisplayName, Email};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::{ClientAuthentication, ClientSettings, FlowState, Sealer, failed};
use crate::http;

/// GitHub, or a GitHub Enterprise server.
pub struct GitHub {
    client: ClientSettings,
    /// The site where users log in, such as `https://github.com`.
    base_url: String,
    /// Such as `https://api.github.com`.
    api_url: String,
    http: reqwest::Client,
    sealer: Arc<Sealer>,
}

#[derive(Deserialize)]
struct User {
    id: u64,
    login: String,
    name: Option<String>,
}

#[derive(Deserialize)]
struct Address {
    email: String,
    primary: bool,
    verified: bool,
}

impl GitHub {
    /// Sends no request yet. The URLs must not end with a slash.
    pub fn new(
        client: ClientSettings,
        base_url: &str,
        api_url: &str,
        sealer: Arc<Sealer>,
    ) -> Result<Self, ProviderError> {
        let http = http::client().map_err(failed)?;
        Ok(Self { client, base_url: base_url.to_owned(), api_url: api_url.to_owned(), http, sealer })
    }

    async fn get<T: DeserializeOwned>(&self, path: &str, token: &str) -> Result<T, ProviderError> {
        let request = self.http.get(format!("{}{path}", self.api_url)).bearer_auth(token);
        http::fetch_json(request.header("accept", "application/vnd.github+json")).await.map_err(failed)
    }
}

#[async_trait]
impl Provider for GitHub {
    fn name(&self) -> &str {
        &self.client.name
    }

    fn display_name(&self) -> &str {
        &self.client.display_name
    }

    async fn authorize(&self, state: &str) -> Result<Authorization, ProviderError> {
        let flow = FlowState::generate()?;
        let endpoint = format!("{}/login/oauth/authorize", self.base_url);
        let url = self.client.authorization_url(&endpoint, "read:user user:email", state, &flow)?;
        Ok(Authorization { url: url.into(), flow_state: flow.to_json()? })
    }

    async fn identify(
        &self,
        response: AuthorizationResponse<'_>,
        flow_state: &str,
        _: Stamp,
    ) -> Result<ProviderIdentity, ProviderError> {
        let flow = FlowState::from_json(flow_state)?;
        let endpoint = format!("{}/login/oauth/access_token", self.base_url);
        let authentication = ClientAuthentication::Post;
        let tokens =
            self.client.exchange(&self.http, &endpoint, response.code, &flow, authentication).await?;
        let access_token =
            tokens.access_token.ok_or_else(|| failed("its token response has no access token"))?;
        let user: User = self.get("/user", &access_token).await?;
        let addresses: Vec<Address> = self.get("/user/emails", &access_token).await?;
        let primary = addresses.into_iter().find(|address| address.primary && address.verified);
        Ok(ProviderIdentity {
            provider: self.client.name.clone(),
            subject: user.id.to_string(),
            verified_email: primary.and_then(|address| Email::parse(&address.email).ok()),
            name: DisplayName::parse(user.name.as_deref().unwrap_or(&user.login)).ok(),
            tokens: self.sealer.seal(Some(&access_token), tokens.refresh_token.as_deref()),
        })
    }
}
