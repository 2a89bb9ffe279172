//! The use cases of identities: authenticating requests, and logging in with, linking and unlinking
//! OAuth providers.
//!
//! A login ends with a one-time code that the frontend exchanges for tokens, so that no URL
//! contains a token.

mod authenticate;
mod flow;
mod state;

use std::sync::Arc;

use super::{
    AuthorizationResponse, IdentityStore, Issuers, Linked, Provider, ProviderError, ProviderIdentity,
    Resolved,
};
use crate::error::StoreError;
use crate::ids::{OneTimeTokenId, UserId};
use crate::limits::{LimitKey, RateLimits, network};
use crate::mail::{Notice, Template};
use crate::one_time::{ConsumedToken, NewOneTimeToken, OneTimeSecrets, OneTimeStore, Purpose};
use crate::secret::SecretSource;
use crate::session::{Device, OpenRefusal, Proof, SessionService, TokenHash};
use crate::time::{Clock, Stamp};

pub use authenticate::AuthOutcome;
pub use flow::{
    CallbackOutcome, CodeChallenge, ExchangeOutcome, FlowOutcome, FlowStart, LoginCode, ReturnTo, StartedFlow,
};
use state::{StoredFlow, StoredLogin};

/// The ports of an [`IdentityService`].
#[derive(Clone)]
pub struct IdentityPorts {
    pub identities: Arc<dyn IdentityStore>,
    pub one_time: Arc<dyn OneTimeStore>,
    pub one_time_secrets: Arc<dyn OneTimeSecrets>,
    /// The configured OAuth providers.
    pub providers: Vec<Arc<dyn Provider>>,
    /// Checks tokens of external issuers; `None` if none are configured.
    pub issuers: Option<Arc<dyn Issuers>>,
    pub limits: RateLimits,
    pub secrets: Arc<dyn SecretSource>,
    pub clock: Arc<dyn Clock>,
}

/// Authenticates requests, and logs in with, links and unlinks providers.
#[derive(Clone)]
pub struct IdentityService {
    ports: IdentityPorts,
    sessions: SessionService,
    registration: bool,
}

impl IdentityService {
    /// Creates a service whose logins open sessions through `sessions`.
    #[must_use]
    pub fn new(ports: IdentityPorts, sessions: SessionService) -> Self {
        Self { ports, sessions, registration: true }
    }

    /// Returns the same service with registration open or closed: whether a login at a provider may
    /// create an account.
    #[must_use]
    pub fn with_registration(self, registration: bool) -> Self {
        Self { registration, ..self }
    }

    /// The names and display names of the configured providers.
    pub fn providers(&self) -> impl Iterator<Item = (&str, &str)> {
        self.ports.providers.iter().map(|provider| (provider.name(), provider.display_name()))
    }

    /// Starts a flow. A login is charged to the caller's network.
    pub async fn start(&self, provider: &str, start: FlowStart) -> Result<FlowOutcome, StoreError> {
        // A request for an unknown provider does no work, so it must not count either.
        let Some(provider) = self.provider(provider) else { return Ok(FlowOutcome::UnknownProvider) };
        let now = self.now();
        if let (None, Some(ip)) = (&start.link, start.ip)
            && let Err(charge) = self.ports.limits.charge(&LimitKey::FlowFrom(network(ip)), now).await
        {
            return Ok(FlowOutcome::Limited(charge));
        }
        let id = self.new_id();
        let state = self.ports.one_time_secrets.derive(id);
        let authorization = match provider.authorize(&state).await {
            Ok(authorization) => authorization,
            Err(error) => return Ok(FlowOutcome::Provider(error)),
        };
        let binding = self.ports.one_time_secrets.derive(self.new_id());
        let session = start.link.as_ref().and_then(|caller| caller.session);
        let challenge = start.challenge.map(|CodeChallenge(hash)| hex(&hash));
        let payload = StoredFlow {
            provider: provider.name(),
            binding: &self.fingerprint(&binding),
            session: &session.map_or_else(String::new, |session| session.to_string()),
            challenge: challenge.as_deref().unwrap_or_default(),
            return_to: &start.return_to.0,
            flow_state: &authorization.flow_state,
        };
        let token = NewOneTimeToken {
            id,
            purpose: Purpose::OAuthState,
            hash: self.ports.one_time_secrets.hash(&state),
            user: start.link.map(|caller| caller.user),
            payload: payload.to_text(),
            expires_at: now.plus(Purpose::OAuthState.lifetime()),
        };
        self.ports.one_time.put(token).await?;
        let flow = self.flow_name(&state);
        Ok(FlowOutcome::Started(StartedFlow { url: authorization.url, flow, binding }))
    }

    /// Completes a flow with the provider's answer: the authorization response, or the reason for a
    /// refusal. Every call consumes the state. `browser` answers with the binding secret that the
    /// browser holds for a flow, by the [name](StartedFlow::flow) of the flow.
    pub async fn callback(
        &self,
        provider: &str,
        response: Result<AuthorizationResponse<'_>, &str>,
        state: &str,
        browser: impl FnOnce(&str) -> Option<String>,
    ) -> Result<CallbackOutcome, StoreError> {
        let Some(provider) = self.provider(provider) else { return Ok(CallbackOutcome::UnknownProvider) };
        let now = self.now();
        let binding = browser(&self.flow_name(state));
        let hash = self.ports.one_time_secrets.hash(state);
        let consumed = self.ports.one_time.consume(Purpose::OAuthState, &hash, now).await?;
        let Some(consumed) = consumed else { return Ok(CallbackOutcome::Invalid) };
        let Some(state) = StoredFlow::of_text(&consumed.payload) else {
            return Err(StoreError::corrupt("one_time_tokens", "payload", "not an OAuth state"));
        };
        let same_browser = binding.is_some_and(|binding| self.fingerprint(&binding) == state.binding);
        if state.provider != provider.name() || !same_browser {
            return Ok(CallbackOutcome::Invalid);
        }
        let response = match response {
            Ok(response) => response,
            Err(error) => return Ok(CallbackOutcome::Provider(ProviderError::Refused(error.to_owned()))),
        };
        let identity = match provider.identify(response, state.flow_state, now).await {
            Ok(identity) => identity,
            Err(error) => return Ok(CallbackOutcome::Provider(error)),
        };
        let return_to = ReturnTo(state.return_to.to_owned());
        if let Some(user) = consumed.user {
            // Only a session that is still live can link a provider.
            let Some(session) = state.session() else { return Ok(CallbackOutcome::Invalid) };
            let notice = self.linked_notice(&identity);
            return Ok(
                match self.ports.identities.link(user, Some(session), identity, notice, now).await? {
                    Linked::Done => CallbackOutcome::Linked(return_to),
                    Linked::BelongsToAnother => CallbackOutcome::Taken,
                    Linked::AnotherIsLinked => CallbackOutcome::AnotherIsLinked,
                    Linked::NoSuchUser => CallbackOutcome::Disabled,
                    Linked::SessionEnded => CallbackOutcome::Invalid,
                },
            );
        }
        let new_user = self.registration.then(|| UserId(self.ports.secrets.uuid()));
        let (subject, notice) = (identity.subject.clone(), self.linked_notice(&identity));
        Ok(match self.ports.identities.resolve(identity, new_user, notice, now).await? {
            Resolved::Done(user) => {
                let code = self.login_code(user.id, &state, &subject, now).await?;
                CallbackOutcome::LogIn(return_to, code)
            }
            Resolved::NeedsLink => CallbackOutcome::Taken,
            Resolved::Disabled => CallbackOutcome::Disabled,
            Resolved::Unknown => CallbackOutcome::Closed,
        })
    }

    /// The notice that a login at the provider now logs in to the account.
    fn linked_notice(&self, identity: &ProviderIdentity) -> Notice {
        let providers = vec![identity.provider.clone()];
        Notice { id: self.ports.secrets.uuid(), template: Template::ProviderLinked, providers }
    }

    async fn login_code(
        &self,
        user: UserId,
        flow: &StoredFlow<'_>,
        subject: &str,
        now: Stamp,
    ) -> Result<LoginCode, StoreError> {
        let secrets = &self.ports.one_time_secrets;
        let id = self.new_id();
        let code = secrets.derive(id);
        let cookie = flow.challenge.is_empty().then(|| secrets.derive(self.new_id()));
        let fingerprint = cookie.as_deref().map(|secret| self.fingerprint(secret));
        let login = StoredLogin {
            provider: flow.provider,
            binding: fingerprint.as_deref().unwrap_or(flow.challenge),
            bound_by: if cookie.is_some() { StoredLogin::COOKIE } else { StoredLogin::VERIFIER },
            subject,
        };
        let token = NewOneTimeToken {
            id,
            purpose: Purpose::OAuthHandOff,
            hash: secrets.hash(&code),
            user: Some(user),
            payload: login.to_text(),
            expires_at: now.plus(Purpose::OAuthHandOff.lifetime()),
        };
        self.ports.one_time.put(token).await?;
        Ok(LoginCode { name: self.flow_name(&code), code, binding: cookie })
    }

    /// Exchanges a login code for a session. Every call consumes the code. The client must be the
    /// one that began the login: it presents the verifier of its challenge, or its `browser`
    /// answers with the binding secret, by the [name](LoginCode::name) of the code.
    pub async fn exchange(
        &self,
        code: &str,
        verifier: Option<&str>,
        browser: impl FnOnce(&str) -> Option<String>,
        device: Device,
    ) -> Result<ExchangeOutcome, StoreError> {
        let hash = self.ports.one_time_secrets.hash(code);
        let consumed = self.ports.one_time.consume(Purpose::OAuthHandOff, &hash, self.now()).await?;
        let Some(ConsumedToken { user: Some(user), payload }) = consumed else {
            return Ok(ExchangeOutcome::Invalid);
        };
        let Some(login) = StoredLogin::of_text(&payload) else {
            return Err(StoreError::corrupt("one_time_tokens", "payload", "not a login"));
        };
        let presented = match login.bound_by {
            StoredLogin::VERIFIER => verifier.map(str::to_owned),
            _ => browser(&self.flow_name(code)),
        };
        if presented.is_none_or(|secret| self.fingerprint(&secret) != login.binding) {
            return Ok(ExchangeOutcome::Invalid);
        }
        // The owner may have unlinked the provider or taken over the account since.
        let (provider, subject) = (login.provider.to_owned(), login.subject.to_owned());
        Ok(match self.sessions.open(user, Proof::Identity { provider, subject }, device).await? {
            Ok(login) => ExchangeOutcome::Done(login),
            Err(OpenRefusal::NoSuchUser) => ExchangeOutcome::Disabled,
            Err(OpenRefusal::Unlinked | OpenRefusal::PasswordChanged) => ExchangeOutcome::Invalid,
        })
    }

    /// The name of the flow or code with this secret: 16 hexadecimal digits that reveal nothing
    /// about it.
    fn flow_name(&self, secret: &str) -> String {
        let [high, _] = self.ports.one_time_secrets.hash(secret).halves();
        format!("{:016x}", high >> 64)
    }

    /// Whether users can log in with the provider of this name.
    #[must_use]
    pub fn is_configured(&self, provider: &str) -> bool {
        self.provider(provider).is_some()
    }

    /// The names of all providers and issuers whose identities are accepted.
    pub(crate) fn offered(&self) -> Vec<String> {
        let issuers = self.ports.issuers.iter().flat_map(|issuers| issuers.names());
        self.ports.providers.iter().map(|provider| provider.name().to_owned()).chain(issuers).collect()
    }

    fn provider(&self, name: &str) -> Option<&Arc<dyn Provider>> {
        self.ports.providers.iter().find(|provider| provider.name() == name)
    }

    fn now(&self) -> Stamp {
        self.ports.clock.now()
    }

    fn new_id(&self) -> OneTimeTokenId {
        OneTimeTokenId(self.ports.secrets.uuid())
    }

    fn fingerprint(&self, secret: &str) -> String {
        hex(&self.ports.one_time_secrets.hash(secret))
    }
}

fn hex(hash: &TokenHash) -> String {
    let [high, low] = hash.halves();
    format!("{high:032x}{low:032x}")
}
