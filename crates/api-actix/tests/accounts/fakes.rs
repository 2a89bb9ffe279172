//! Ports that keep what they are told in clear.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;
use domain::account::{OneTimeId, OneTimeSecrets};
use domain::identity::{Authorization, Granted, Provider, ProviderError, ProviderIdentity};
use domain::limits::{Charge, LimitKey, Quota, RateLimiter, gcra, gcra_give_back};
use domain::session::{
    AccessToken, AccessTokens, AuthFailure, Grant, RefreshGrant, RefreshSecret, RefreshSecrets, Scope,
    TokenHash, VerifiedToken,
};
use domain::{SessionId, Stamp, TokenId, UserId};
use domain_testkit::build;

/// Signs nothing: a token is what it says.
pub struct PlainTokens;

impl AccessTokens for PlainTokens {
    fn issue(&self, grant: &Grant) -> AccessToken {
        let Grant { user, session, token, expires_at, .. } = grant;
        AccessToken(format!("{}.{}.{}.{}", user.0, session.0, token.0, expires_at.as_micros()))
    }

    /// A fifth part narrows the scopes.
    fn verify(&self, token: &str, now: Stamp) -> Result<VerifiedToken, AuthFailure> {
        let parts: Vec<_> = token.split('.').collect();
        let [user, session, id, expires_at, ref scopes @ ..] = parts[..] else {
            return Err(AuthFailure::Malformed);
        };
        let uuid = |text: &str| text.parse().map_err(|_| AuthFailure::NotTrusted);
        let micros = expires_at.parse().map_err(|_| AuthFailure::Malformed)?;
        let expires_at = Stamp::from_micros(micros).ok_or(AuthFailure::Malformed)?;
        if expires_at.plus(Duration::from_secs(30)) <= now {
            return Err(AuthFailure::Expired);
        }
        let has = |scope: &Scope| scopes.is_empty() || scopes.contains(&scope.as_str());
        Ok(VerifiedToken {
            user: UserId(uuid(user)?),
            subject: user.to_owned(),
            session: SessionId(uuid(session)?),
            token: TokenId(uuid(id)?),
            expires_at,
            scopes: Scope::ALL.into_iter().filter(has).collect(),
        })
    }

    fn issue_refresh(&self, grant: &RefreshGrant) -> RefreshSecret {
        RefreshSecret(grant.token.0.to_string())
    }

    fn verify_refresh(&self, _: &str, _: Stamp) -> Result<(), AuthFailure> {
        Ok(())
    }
}

/// Derives secrets in clear.
pub struct PlainSecrets;

impl RefreshSecrets for PlainSecrets {
    fn derive(&self, session: SessionId, generation: u32) -> RefreshSecret {
        RefreshSecret(format!("{}-{generation}", session.0))
    }

    fn derive_all(&self, session: SessionId, generation: u32) -> Vec<RefreshSecret> {
        vec![RefreshSecrets::derive(self, session, generation)]
    }

    fn hash(&self, secret: &str) -> TokenHash {
        digest(secret)
    }
}

impl OneTimeSecrets for PlainSecrets {
    fn derive(&self, id: OneTimeId) -> String {
        format!("once-{}", id.0.simple())
    }

    fn hash(&self, secret: &str) -> TokenHash {
        digest(secret)
    }
}

fn digest(text: &str) -> TokenHash {
    let mut hash = [0; 32];
    for (seed, place) in hash.chunks_exact_mut(8).enumerate() {
        let mut hasher = DefaultHasher::new();
        (seed, text).hash(&mut hasher);
        place.copy_from_slice(&hasher.finish().to_be_bytes());
    }
    TokenHash(hash)
}

/// Counts in a map.
#[derive(Default)]
pub struct MapLimiter(Mutex<HashMap<LimitKey, Stamp>>);

#[async_trait]
impl RateLimiter for MapLimiter {
    async fn charge(&self, key: &LimitKey, quota: Quota, now: Stamp) -> Charge {
        let mut kept = self.0.lock().expect("no test panicked here");
        let (charge, keep) = gcra(kept.get(key).copied(), quota, now);
        kept.insert(key.clone(), keep);
        charge
    }

    async fn give_back(&self, key: &LimitKey, quota: Quota, _: Stamp) {
        let mut kept = self.0.lock().expect("no test panicked here");
        kept.entry(key.clone()).and_modify(|kept| *kept = gcra_give_back(*kept, quota));
    }
}

/// A provider whose codes are subjects, with the address it vouches for behind a blank. The code `down` stands for an outage.
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
        Ok(Authorization { url, memo: format!("memo of {}\nwith lines", self.name) })
    }

    async fn identify(
        &self,
        granted: Granted<'_>,
        memo: &str,
        _: Stamp,
    ) -> Result<ProviderIdentity, ProviderError> {
        let code = granted.code;
        assert_eq!(memo, format!("memo of {}\nwith lines", self.name));
        if code == "down" {
            return Err(ProviderError::Failed("connection refused by 10.1.2.3".to_owned()));
        }
        let (subject, email) = code.split_once(' ').unzip();
        let email = email.map(build::email);
        Ok(build::identity(self.name, subject.unwrap_or(code), email.as_ref()))
    }
}
