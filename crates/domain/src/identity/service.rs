//! The OAuth flow: there, back, and the one-time code that turns into tokens, so that no token ever stands in a URL.

use std::net::IpAddr;
use std::sync::Arc;

use uuid::Uuid;

use super::{Granted, IdentityStore, Linked, Provider, ProviderError, Resolved, Unlinked};
use crate::account::{AccountStore, Consumed, NewOneTime, OneTimeId, OneTimeSecrets, OneTimeStore, Purpose};
use crate::error::StoreError;
use crate::ids::{SessionId, UserId};
use crate::limits::{Charge, LimitKey, network};
use crate::session::{Device, EndReason, LoggedIn, Opening, Principal, SessionService};
use crate::time::Stamp;

/// An address of the frontend that the operator allows users to be sent back to; the API checks it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReturnTo(pub String);

/// How a flow begins.
#[derive(Clone, Debug)]
pub struct Begin {
    /// Where the user is to come out.
    pub return_to: ReturnTo,
    /// The caller who links the provider, for as long as the session lasts; `None` logs in.
    pub link: Option<Principal>,
}

/// A flow that has begun.
#[derive(Clone)]
pub struct Begun {
    /// Where to send the browser.
    pub url: String,
    /// Names the flow among those of the same browser, see [`IdentityService::flow`].
    pub flow: String,
    /// The secret that the browser must bring back in a cookie: another browser's callback is refused.
    pub binding: String,
}

/// What became of a callback.
#[derive(Debug)]
pub enum Callback {
    /// Send the browser there; the code turns into tokens.
    LogIn(ReturnTo, HandOff),
    /// Send the browser there: the identity is linked.
    Linked(ReturnTo),
    /// The state is unknown, used, expired, of another provider or of another browser.
    Invalid,
    /// The identity belongs to another account, or its address to one that never verified it.
    Taken,
    /// The account is disabled or gone.
    Disabled,
    /// The provider gave no identity.
    Provider(ProviderError),
}

/// The one-time code for [`IdentityService::exchange`].
pub struct HandOff(pub String);

impl std::fmt::Debug for HandOff {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("HandOff(…)")
    }
}

/// What became of a hand-off code.
#[derive(Debug)]
pub enum Exchange {
    /// The user is logged in.
    Done(LoggedIn),
    /// The code is unknown, used or expired.
    Invalid,
    /// The account is disabled or gone.
    Disabled,
}

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
        let charge = limiter.charge(&LimitKey::FlowFrom(network(ip)), quotas.flow, self.now()).await;
        if charge.allowed { Ok(()) } else { Err(charge) }
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
        let ending = self.sessions.ending(EndReason::DeviceRevoked, self.now());
        let ended = self.sessions.parts().sessions.end(user, logged_in.tokens.session, ending).await?;
        self.sessions.announce(ended.as_slice());
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

fn session_of(caller: &Principal) -> String {
    caller.session.map_or_else(String::new, |session| session.to_string())
}

/// What is remembered of a flow, a line each; the memo, which may hold anything, is the last.
struct State<'a> {
    provider: &'a str,
    binding: &'a str,
    /// The one that links; empty for a login.
    session: &'a str,
    return_to: &'a str,
    memo: &'a str,
}

impl<'a> State<'a> {
    fn to_text(&self) -> String {
        [self.provider, self.binding, self.session, self.return_to, self.memo].join("\n")
    }

    fn session(&self) -> Option<SessionId> {
        Uuid::parse_str(self.session).ok().map(SessionId)
    }

    fn of_text(text: &'a str) -> Option<Self> {
        let mut parts = text.splitn(5, '\n');
        Some(Self {
            provider: parts.next()?,
            binding: parts.next()?,
            session: parts.next()?,
            return_to: parts.next()?,
            memo: parts.next()?,
        })
    }
}
