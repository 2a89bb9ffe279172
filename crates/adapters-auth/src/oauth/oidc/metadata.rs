//! What a provider says about itself (OpenID Connect Discovery 1.0 section 3).

use domain::identity::ProviderError;
use reqwest::Url;
use serde::Deserialize;

use super::claims::IdToken;
use crate::issuers::is_valid_subject;
use crate::oauth::failed;

#[derive(Deserialize)]
pub(super) struct Metadata {
    pub issuer: String,
    pub authorization_endpoint: String,
    pub token_endpoint: String,
    pub jwks_uri: String,
    pub userinfo_endpoint: Option<String>,
    pub token_endpoint_auth_methods_supported: Option<Vec<String>>,
    pub scopes_supported: Option<Vec<String>>,
    pub response_modes_supported: Option<Vec<String>>,
    /// RFC 9207 section 3.
    #[serde(default)]
    pub authorization_response_iss_parameter_supported: bool,
}

/// The part of Microsoft's issuer that stands for the tenant, in the metadata of an endpoint for
/// several tenants. The id token names the tenant in `tid`.
pub(super) const TENANT: &str = "{tenantid}";

/// What this server asks for. Apple refuses scopes that it does not list.
const SCOPES: [&str; 3] = ["openid", "email", "profile"];

impl Metadata {
    /// Whether these are the metadata of `configured`. Microsoft serves one document for several
    /// tenants, under a path such as `common`, whose issuer is a template of the tenants' issuers.
    pub fn is_of(&self, configured: &str) -> bool {
        let tenants = ["common", "organizations", "consumers"].map(|path| self.issuer.replace(TENANT, path));
        self.issuer == configured
            || self.issuer.contains(TENANT) && tenants.iter().any(|one| one == configured)
    }

    /// The first endpoint that is not https, though the issuer is: codes and tokens must not leave TLS. An
    /// operator who configured an issuer over http has accepted that.
    pub fn insecure_endpoint(&self, issuer: &str) -> Option<&str> {
        let is_https = |url: &str| Url::parse(url).is_ok_and(|url| url.scheme() == "https");
        let endpoints = [&self.authorization_endpoint, &self.token_endpoint, &self.jwks_uri];
        let mut all = endpoints.into_iter().chain(&self.userinfo_endpoint).map(String::as_str);
        if is_https(issuer) { all.find(|url| !is_https(url)) } else { None }
    }

    /// Whether `token` is from this issuer, and from the tenant that it names.
    pub fn issued(&self, token: &IdToken) -> bool {
        let tenant = |tid: &String| is_valid_subject(tid) && self.issuer.replace(TENANT, tid) == token.iss;
        if self.issuer.contains(TENANT) {
            token.tid.as_ref().is_some_and(tenant)
        } else {
            token.iss == self.issuer
        }
    }

    pub fn scopes(&self) -> String {
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
    pub fn posts_the_response(&self) -> bool {
        let lacks_query = |modes: &Vec<String>| !modes.iter().any(|mode| mode == "query");
        self.issuer == "https://appleid.apple.com"
            || self.response_modes_supported.as_ref().is_some_and(lacks_query)
    }

    /// Refuses a callback that another provider sent: its code must not be sent here (RFC 9207
    /// section 2.4).
    pub fn check_issuer(&self, iss: Option<&str>) -> Result<(), ProviderError> {
        match iss {
            Some(issuer) if issuer == self.issuer => Ok(()),
            None if !self.authorization_response_iss_parameter_supported => Ok(()),
            _ => Err(failed("the callback is from another provider")),
        }
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
