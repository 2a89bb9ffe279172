//! What begins a flow, and what becomes of it.

use crate::identity::ProviderError;
use crate::session::{LoggedIn, Principal};

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
