//! The OAuth flow: there, back, and the one-time code that turns into tokens, so that no token ever stands in a URL.

mod outcome;
mod state;

use std::net::IpAddr;
use std::sync::Arc;

use uuid::Uuid;

use super::{Granted, IdentityStore, Linked, Provider, ProviderError, Resolved, Unlinked};
use crate::account::{AccountStore, Consumed, NewOneTime, OneTimeId, OneTimeSecrets, OneTimeStore, Purpose};
use crate::error::StoreError;
use crate::ids::UserId;
use crate::limits::{Charge, LimitKey, network};
use crate::session::{Device, LoggedIn, Opening, SessionService};
use crate::time::Stamp;

pub use outcome::{Begin, Begun, Callback, Exchange, HandOff, ReturnTo};
use state::{State, session_of};

/// The ports an [`IdentityService`] works with, beside those of the sessions.
#[derive(Clone)]
pub struct IdentityParts {
    /// Where identities are kept.
    pub identities: Arc<dyn IdentityStore>,
    /// Where users are kept.
    pub accounts: Arc<dyn AccountStore>,
    /// Where states and codes are kept.
    pub one_time: Arc<dyn OneTimeStore>,
    /// Derives them.
    pub secrets: Arc<dyn OneTimeSecrets>,
    /// The configured providers.
    pub providers: Vec<Arc<dyn Provider>>,
}

/// Logs in with, links and unlinks providers.
#[derive(Clone)]
pub struct IdentityService {
    parts: IdentityParts,
    sessions: SessionService,
}

impl IdentityService {
    /// A service over `parts`, whose logins are sessions of `sessions`.
    #[must_use]
    pub fn new(parts: IdentityParts, sessions: SessionService) -> Self {
        Self { parts, sessions }
    }

    /// The configured providers.
    #[must_use]
    pub fn providers(&self) -> &[Arc<dyn Provider>] {
        &self.parts.providers
    }

    fn provider(&self, name: &str) -> Option<&Arc<dyn Provider>> {
        self.parts.providers.iter().find(|provider| provider.name() == name)
    }

    /// Charges a login that anybody begins to their network.
    pub async fn charge_flow(&self, ip: Option<IpAddr>) -> Result<(), Charge> {
        let (Some(quotas), Some(ip)) = (self.sessions.quotas(), ip) else { return Ok(()) };
        let limiter = &self.sessions.parts().limiter;
        limiter.charge(&LimitKey::FlowFrom(network(ip)), quotas.flow, self.now()).await.granted()
    }

    /// Begins a flow; `None` where there is no such provider.
    pub async fn begin(
        &self,
        provider: &str,
        begin: Begin,
    ) -> Result<Option<Result<Begun, ProviderError>>, StoreError> {
        let Some(provider) = self.provider(provider) else { return Ok(None) };
        let now = self.now();
        let id = self.fresh();
        let state = self.parts.secrets.derive(id);
        let authorization = match provider.authorize(&state).await {
            Ok(authorization) => authorization,
            Err(error) => return Ok(Some(Err(error))),
        };
        let binding = self.parts.secrets.derive(self.fresh());
        let payload = State {
            provider: provider.name(),
            binding: &self.fingerprint(&binding),
            session: &begin.link.as_ref().map_or_else(String::new, session_of),
            return_to: &begin.return_to.0,
            memo: &authorization.memo,
        };
        self.parts
            .one_time
            .put(NewOneTime {
                id,
                purpose: Purpose::OAuthState,
                hash: self.parts.secrets.hash(&state),
                user: begin.link.map(|caller| caller.user),
                payload: payload.to_text(),
                expires_at: now.plus(Purpose::OAuthState.lifetime()),
            })
            .await?;
        let flow = self.flow(&state);
        Ok(Some(Ok(Begun { url: authorization.url, flow, binding })))
    }

    /// Ends a flow with what the provider sent the browser back with. The state is consumed whatever comes of it.
    pub async fn callback(
        &self,
        provider: &str,
        granted: Result<Granted<'_>, &str>,
        state: &str,
        binding: Option<&str>,
    ) -> Result<Option<Callback>, StoreError> {
        let Some(provider) = self.provider(provider) else { return Ok(None) };
        let now = self.now();
        let hash = self.parts.secrets.hash(state);
        let consumed = self.parts.one_time.consume(Purpose::OAuthState, &hash, now).await?;
        let Some(consumed) = consumed else { return Ok(Some(Callback::Invalid)) };
        let Some(state) = State::of_text(&consumed.payload) else {
            return Err(StoreError::corrupt("one_time_tokens", "payload", "is no OAuth state"));
        };
        let same_browser = binding.is_some_and(|binding| self.fingerprint(binding) == state.binding);
        if state.provider != provider.name() || !same_browser {
            return Ok(Some(Callback::Invalid));
        }
        let granted = match granted {
            Ok(granted) => granted,
            Err(error) => return Ok(Some(Callback::Provider(ProviderError::Refused(error.to_owned())))),
        };
        let identity = match provider.identify(granted, state.memo, now).await {
            Ok(identity) => identity,
            Err(error) => return Ok(Some(Callback::Provider(error))),
        };
        let return_to = ReturnTo(state.return_to.to_owned());
        if let Some(user) = consumed.user {
            // Whoever was shut out meanwhile links nothing.
            let Some(session) = state.session() else { return Ok(Some(Callback::Invalid)) };
            let linked = self.parts.identities.link(user, Some(session), identity, now).await?;
            return Ok(Some(match linked {
                Linked::Done => Callback::Linked(return_to),
                Linked::BelongsToAnother => Callback::Taken,
                Linked::NoSuchUser => Callback::Disabled,
                Linked::SessionEnded => Callback::Invalid,
            }));
        }
        let new_user = UserId(self.sessions.parts().secrets.uuid());
        Ok(Some(match self.parts.identities.resolve(identity, new_user, now).await? {
            Resolved::Done(user) => {
                Callback::LogIn(return_to, self.hand_off(user.id, state.provider, now).await?)
            }
            Resolved::NeedsLink => Callback::Taken,
            Resolved::Disabled => Callback::Disabled,
        }))
    }

    async fn hand_off(&self, user: UserId, provider: &str, now: Stamp) -> Result<HandOff, StoreError> {
        let id = self.fresh();
        let code = self.parts.secrets.derive(id);
        let token = NewOneTime {
            id,
            purpose: Purpose::OAuthHandOff,
            hash: self.parts.secrets.hash(&code),
            user: Some(user),
            payload: provider.to_owned(),
            expires_at: now.plus(Purpose::OAuthHandOff.lifetime()),
        };
        self.parts.one_time.put(token).await?;
        Ok(HandOff(code))
    }

    /// Turns a hand-off code into a session.
    pub async fn exchange(&self, code: &str, device: Device) -> Result<Exchange, StoreError> {
        let now = self.now();
        let hash = self.parts.secrets.hash(code);
        let consumed = self.parts.one_time.consume(Purpose::OAuthHandOff, &hash, now).await?;
        let Some(Consumed { user: Some(user), payload: provider }) = consumed else {
            return Ok(Exchange::Invalid);
        };
        let Some(user) = self.parts.accounts.by_id(user).await? else { return Ok(Exchange::Disabled) };
        match self.sessions.open(user, None, device, now).await? {
            Opening::Done(logged_in) => self.unless_unlinked(logged_in, &provider).await,
            Opening::NoSuchUser | Opening::PasswordChanged => Ok(Exchange::Disabled),
        }
    }

    /// Gives the tokens of a session that was just opened, unless the user has no identity of the provider any more: whoever took that away
    /// could not see this session. Whoever does it later sees it.
    async fn unless_unlinked(&self, logged_in: LoggedIn, provider: &str) -> Result<Exchange, StoreError> {
        let user = logged_in.user.id;
        if self.of_user(user).await?.iter().any(|known| known == provider) {
            return Ok(Exchange::Done(logged_in));
        }
        self.sessions.end_device(user, logged_in.tokens.session).await?;
        Ok(Exchange::Invalid)
    }

    /// Takes a provider from the user.
    pub async fn unlink(&self, user: UserId, provider: &str) -> Result<Unlinked, StoreError> {
        self.parts.identities.unlink(user, provider).await
    }

    /// The providers and issuers that know the user.
    pub async fn of_user(&self, user: UserId) -> Result<Vec<String>, StoreError> {
        self.parts.identities.providers(user).await
    }

    /// The name of the flow with this state: 16 hexadecimal digits that tell nothing of it.
    #[must_use]
    pub fn flow(&self, state: &str) -> String {
        let [high, _] = self.parts.secrets.hash(state).halves();
        format!("{:016x}", high >> 64)
    }

    fn now(&self) -> Stamp {
        self.sessions.parts().clock.now()
    }

    fn fresh(&self) -> OneTimeId {
        let uuid: Uuid = self.sessions.parts().secrets.uuid();
        OneTimeId(uuid)
    }

    fn fingerprint(&self, secret: &str) -> String {
        let [high, low] = self.parts.secrets.hash(secret).halves();
        format!("{high:032x}{low:032x}")
    }
}
