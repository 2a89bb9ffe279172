//! What the instances on one database share: the bus between them, and the rate limits.

use std::sync::Arc;
use std::time::Duration;

use adapters_auth::{KeyRing, MemoryRateLimiter, SystemSecrets};
use adapters_postgres::PostgresBus;
use adapters_redis::{RedisBus, RedisRateLimiter};
use domain::instances::Bus;
use domain::limits::RateLimiter;
use domain::secret::SecretSource as _;
use secrecy::ExposeSecret as _;

use super::error::{DatabaseError, WireError};
use crate::settings::Settings;

/// The maximum number of keys of each kind that the rate limiter in process keeps.
const KEYS: usize = 50_000;
/// How long a charge waits for Redis before it is counted in process.
const REDIS_TIMEOUT: Duration = Duration::from_millis(250);

/// The bus to the other instances: Redis where it is configured, else the database. It connects when it runs. An
/// SQLite file has one instance.
pub fn bus(settings: &Settings) -> Result<Option<Arc<dyn Bus>>, WireError> {
    if let Some(url) = &settings.redis_url {
        let bus = RedisBus::new(url.expose_secret(), SystemSecrets.uuid()).map_err(WireError::Redis)?;
        return Ok(Some(Arc::new(bus)));
    }
    let Some((setting, url)) = settings.database.for_listen() else { return Ok(None) };
    let bus = PostgresBus::new(url, settings.database.timeout)
        .map_err(|error| DatabaseError::connect(setting, &error))?;
    Ok(Some(Arc::new(bus)))
}

/// Counts the rate limits.
pub struct Limiter {
    pub port: Arc<dyn RateLimiter>,
    /// The same limiter, if it counts in Redis while it runs.
    pub shared: Option<Arc<RedisRateLimiter>>,
}

/// A limiter in process, or one in Redis where that is configured.
pub fn limiter(settings: &Settings, ring: &KeyRing) -> Result<Limiter, WireError> {
    let in_process = Arc::new(MemoryRateLimiter::new(KEYS));
    let Some(url) = &settings.redis_url else {
        return Ok(Limiter { port: in_process, shared: None });
    };
    let key = ring.rate_limit_key();
    let shared = RedisRateLimiter::new(url.expose_secret(), &key, REDIS_TIMEOUT, in_process);
    let shared = Arc::new(shared.map_err(WireError::Redis)?);
    Ok(Limiter { port: shared.clone(), shared: Some(shared) })
}
