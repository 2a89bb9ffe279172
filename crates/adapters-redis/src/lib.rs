//! Redis as what several instances share: the rate limits, and the bus between the instances.
//!
//! Nothing depends on Redis being there. While it is away, limits are counted by another limiter, and what the
//! bus would have told is found in the store. Deliberately absent: data that must survive, and clusters of Redis.

mod bus;
mod limiter;
mod link;
mod server;

pub use bus::RedisBus;
pub use limiter::RedisRateLimiter;
pub use server::{UrlError, check_url};
