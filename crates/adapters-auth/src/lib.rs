//! Adapters for the domain's authentication ports: the clock, ids, password hashing, tokens, OAuth
//! providers, external issuers, and the in-process rate limiter.
//!
//! Every key that is derived from the server's secret comes from [`KeyRing`]. Deliberately absent:
//! revocations (the domain keeps the list), stores, and HTTP endpoints.

mod hasher;
mod http;
mod issuers;
mod jwt;
mod key_ring;
mod limiter;
mod oauth;
mod one_time;
mod refresh;
mod signing_keys;
mod system;

pub use hasher::{BcryptHasher, CostOutOfRange};
pub use issuers::{CachedIdentities, ExternalIssuers, IssuerSettings, IssuersError};
pub use jwt::{JwtAccessTokens, MAX_TOKEN_BYTES};
pub use key_ring::{EmptySecret, KeyRing, generate_secret};
pub use limiter::MemoryRateLimiter;
pub use oauth::{ClientSettings, EmailTrust, GitHub, OpenIdConnect, Sealer};
pub use one_time::HmacOneTimeSecrets;
pub use refresh::HmacRefreshSecrets;
pub use signing_keys::{KeyPair, KeyPairError};
pub use system::{SystemClock, SystemSecrets};
