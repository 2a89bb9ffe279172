//! A login provider without a network.

use async_trait::async_trait;
use domain::Stamp;
use domain::identity::{Authorization, AuthorizationResponse, Provider, ProviderError, ProviderIdentity};
use domain_testkit::build;

/// A provider whose codes are `subject` or `subject email`; it vouches for that email. The code `down` fails.
pub struct PlainProvider {
    pub name: &'static str,
    pub up: bool,
}

#[async_trait]
impl Provider for PlainProvider {
    fn name(&self) -> &str {
        self.name
    }

    fn display_name(&self) -> &'static str {
        "A provider"
    }

    async fn authorize(&self, state: &str) -> Result<Authorization, ProviderError> {
        if !self.up {
            return Err(ProviderError::Failed("it is down".to_owned()));
        }
        let url = format!("https://{}.example/authorize?state={state}", self.name);
        Ok(Authorization { url, flow_state: format!("flow state of {}\nwith lines", self.name) })
    }

    async fn identify(
        &self,
        response: AuthorizationResponse<'_>,
        flow_state: &str,
        _: Stamp,
    ) -> Result<ProviderIdentity, ProviderError> {
        let code = response.code;
        assert_eq!(flow_state, format!("flow state of {}\nwith lines", self.name));
        if code == "down" {
            return Err(ProviderError::Failed("connection refused by 10.1.2.3".to_owned()));
        }
        let (subject, email) = code.split_once(' ').unzip();
        let email = email.map(build::email);
        Ok(build::identity(self.name, subject.unwrap_or(code), email.as_ref()))
    }
}
