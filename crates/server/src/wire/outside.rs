//! The adapters for outside services: mail servers, OAuth providers, external issuers.

use std::sync::Arc;

use adapters_auth::{
    ClientSettings, EmailTrust, ExternalIssuers, GitHub, IssuersError, KeyPair, KeyPairError, KeyRing,
    OpenIdConnect, Sealer,
};
use adapters_mail::{FolderMailer, NoMailer, SmtpError, SmtpMailer};
use domain::identity::{Issuers, Provider};
use domain::mail::Mailer;

use super::error::WireError;
use crate::settings::{Client, Environment, OpenIdProvider, Settings, Transport};

/// The key pairs that sign access tokens; empty if the secret signs them.
pub fn key_pairs(settings: &Settings) -> Result<Vec<KeyPair>, KeyPairError> {
    settings.identity.key_pairs.as_ref().map_or_else(|| Ok(Vec::new()), KeyPair::parse_all)
}

/// The transport of emails.
pub fn mailer(settings: &Settings) -> Result<Arc<dyn Mailer>, SmtpError> {
    let from = settings.mail.from.clone();
    Ok(match &settings.mail.transport {
        Transport::Smtp(server) => Arc::new(SmtpMailer::new(server, from)?),
        Transport::Folder(folder) => {
            let log_links = settings.environment == Environment::Development;
            Arc::new(FolderMailer::new(folder.clone(), from, log_links))
        }
        Transport::Off => Arc::new(NoMailer),
    })
}

/// The verifier of external tokens, if any issuer is configured.
pub fn issuers(settings: &Settings) -> Result<Option<Arc<dyn Issuers>>, IssuersError> {
    let issuers = &settings.identity.issuers;
    if issuers.is_empty() {
        return Ok(None);
    }
    Ok(Some(Arc::new(ExternalIssuers::new(issuers.clone())?)))
}

/// The configured OAuth providers.
pub fn providers(settings: &Settings) -> Result<Vec<Arc<dyn Provider>>, WireError> {
    let identity = &settings.identity;
    let key = identity.token_encryption_key.as_ref().unwrap_or(&settings.secret_key);
    let sealer = Arc::new(Sealer::new(&KeyRing::parse(key)?));
    let client = |client: &Client, display_name: &str| ClientSettings {
        name: client.name.clone(),
        display_name: display_name.to_owned(),
        client_id: client.id.clone(),
        client_secret: client.secret.clone(),
        redirect_uri: format!("{}/api/v1/auth/oauth/{}/callback", identity.public_url, client.name),
    };
    let mut providers: Vec<Arc<dyn Provider>> = Vec::new();
    if let Some((google, issuer)) = &identity.google {
        providers.push(Arc::new(OpenIdConnect::new(
            client(google, "Google"),
            issuer,
            EmailTrust::Verified,
            sealer.clone(),
        )?));
    }
    if let Some((github, base, api)) = &identity.github {
        providers.push(Arc::new(GitHub::new(client(github, "GitHub"), base, api, sealer.clone())?));
    }
    for OpenIdProvider { client: other, issuer, trust } in &identity.providers {
        let client = client(other, &other.name);
        providers.push(Arc::new(OpenIdConnect::new(client, issuer, *trust, sealer.clone())?));
    }
    Ok(providers)
}
