//! The inputs and outcomes of an OAuth flow.

use std::fmt;
use std::net::IpAddr;

use crate::identity::ProviderError;
use crate::limits::Charge;
use crate::session::{Login, Principal, TokenHash};

/// A URL of the frontend to which the browser returns. The API checks it against the operator's
/// list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReturnTo(pub String);

/// How a flow starts.
#[derive(Clone, Debug)]
pub struct FlowStart {
    pub return_to: ReturnTo,
    /// The caller whose account the provider is linked to, provided that the session is live at the
    /// callback. `None` starts a login.
    pub link: Option<Principal>,
    /// Given by a client that will present the verifier with the code. Without one, the code is
    /// bound to the browser by a secret of its own.
    pub challenge: Option<CodeChallenge>,
    /// The caller's address, for the limit of logins.
    pub ip: Option<IpAddr>,
}

/// The SHA-256 of a secret that the client keeps until it exchanges the login code (RFC 7636,
/// method `S256`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CodeChallenge(pub TokenHash);

/// A flow that was started.
#[derive(Clone, Debug)]
pub struct StartedFlow {
    /// The URL to send the browser to.
    pub url: String,
    /// Identifies the flow among the flows of one browser.
    pub flow: String,
    /// The secret that the browser must bring back in a cookie. A callback from another browser is
    /// refused.
    pub binding: String,
}

/// The outcome of starting a flow.
#[derive(Debug)]
pub enum FlowOutcome {
    Started(StartedFlow),
    UnknownProvider,
    /// Too many logins were started from this network.
    Limited(Charge),
    Provider(ProviderError),
}

/// The outcome of a callback.
#[derive(Debug)]
pub enum CallbackOutcome {
    /// Send the browser there with the code, which it exchanges for tokens.
    LogIn(ReturnTo, LoginCode),
    /// The identity is linked; send the browser there.
    Linked(ReturnTo),
    UnknownProvider,
    /// The state is unknown, used or expired, or belongs to another provider or browser.
    Invalid,
    /// The identity belongs to another account, or its address to an account that never verified
    /// it.
    Taken,
    /// The account has another identity at the same provider.
    AnotherIsLinked,
    /// The account is disabled or deleted.
    Disabled,
    /// There is no account, and the operator has closed registration.
    Closed,
    /// The provider reported no identity.
    Provider(ProviderError),
}

/// The one-time code for [`IdentityService::exchange`](super::IdentityService::exchange).
pub struct LoginCode {
    pub code: String,
    /// Identifies the code among the codes of one browser.
    pub name: String,
    /// The secret that the browser must bring back in a cookie with the code. `None` if the client
    /// gave a [`CodeChallenge`].
    pub binding: Option<String>,
}

impl fmt::Debug for LoginCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LoginCode(…)")
    }
}

/// The outcome of exchanging a login code.
#[derive(Debug)]
pub enum ExchangeOutcome {
    Done(Login),
    /// The code is unknown, used or expired, or the client is not the one that began the login.
    Invalid,
    /// The account is disabled or deleted.
    Disabled,
}
