//! Redis as what several instances share: the rate limits.
//!
//! Nothing depends on Redis being there. While it is away, limits are counted by another limiter. Deliberately absent: data that must survive, and clusters of Redis.

mod limiter;
mod link;
mod server;

pub use limiter::RedisRateLimiter;
pub use server::{UrlError, check_url};
