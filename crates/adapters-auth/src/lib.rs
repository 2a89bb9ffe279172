//! What the domain's ports for identity need from the outside: the clock, ids, password hashing, token signing, and the
//! counters of one process.
//!
//! Everything that is derived from the server's secret starts at [`KeyRing`]. Deliberately absent: whether a token was
//! revoked (the domain's list knows), stores, HTTP surfaces.

mod hasher;
mod http;
mod issuers;
mod jwt;
mod keys;
mod limiter;
mod oauth;
mod one_time;
mod pairs;
mod refresh;
mod system;

pub use hasher::{BcryptHasher, CostOutOfRange};
pub use issuers::{CachedIdentities, ExternalIssuers, IssuerSettings, IssuersError};
pub use jwt::{JwtAccessTokens, MAX_TOKEN_BYTES};
pub use keys::{KeyRing, KeyRingError, generate_secret};
pub use limiter::MemoryRateLimiter;
pub use oauth::{ClientSettings, GitHub, OpenIdConnect, Sealer};
pub use one_time::HmacOneTimeSecrets;
pub use pairs::{KeyPair, KeyPairError};
pub use refresh::HmacRefreshSecrets;
pub use system::{SystemClock, SystemSecrets};
