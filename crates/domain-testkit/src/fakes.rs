//! Fakes of the clock, the secret source and the password hasher.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use domain::secret::SecretSource;
use domain::user::{HashedFor, HasherError, NewPassword, PasswordHash, PasswordHasher, Verified};
use domain::{Clock, Stamp};
use uuid::{Builder, Uuid, Variant, Version};

/// A clock that tests set and advance. The uptime is the sum of the advances.
pub struct ManualClock {
    now: AtomicI64,
    uptime: AtomicU64,
}

impl ManualClock {
    /// A clock that shows `now`.
    #[must_use]
    pub const fn at(now: Stamp) -> Self {
        Self { now: AtomicI64::new(now.as_micros()), uptime: AtomicU64::new(0) }
    }

    /// Sets the time, backwards too. The uptime does not change.
    pub fn set(&self, now: Stamp) {
        self.now.store(now.as_micros(), Ordering::SeqCst);
    }

    /// Advances the time and the uptime.
    pub fn advance(&self, by: Duration) {
        self.set(self.now().plus(by));
        let micros = u64::try_from(by.as_micros()).expect("less than half a million years");
        self.uptime.fetch_add(micros, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Stamp {
        Stamp::from_micros(self.now.load(Ordering::SeqCst)).expect("it was set from a stamp")
    }

    fn uptime(&self) -> Duration {
        Duration::from_micros(self.uptime.load(Ordering::SeqCst))
    }
}

/// Ids in ascending order, in the form of UUIDv7. Each id is unique in the process, regardless of
/// the number of sources.
#[derive(Clone, Copy, Debug, Default)]
pub struct SequentialSecrets;

impl SecretSource for SequentialSecrets {
    fn uuid(&self) -> Uuid {
        static LAST: AtomicU64 = AtomicU64::new(0);
        let number = u128::from(LAST.fetch_add(1, Ordering::SeqCst) + 1);
        // The number replaces the time of a UUIDv7, the process id its random bits.
        Builder::from_u128(number << 80 | u128::from(std::process::id()))
            .with_variant(Variant::RFC4122)
            .with_version(Version::SortRand)
            .into_uuid()
    }
}

/// A hasher that takes no time: the hash is the password after a prefix that states the cost.
#[derive(Clone, Copy, Debug)]
pub struct PlainHasher {
    /// The cost of new hashes. A hash with a lower cost is [`Verified::NeedsRehash`].
    pub cost: u32,
}

impl Default for PlainHasher {
    fn default() -> Self {
        Self { cost: 10 }
    }
}

#[async_trait]
impl PasswordHasher for PlainHasher {
    async fn hash(&self, password: NewPassword, _: &HashedFor) -> Result<PasswordHash, HasherError> {
        Ok(PasswordHash(format!("plain${}${}", self.cost, password.expose())))
    }

    async fn verify(
        &self,
        password: &str,
        hash: Option<PasswordHash>,
        _: &HashedFor,
    ) -> Result<Verified, HasherError> {
        let Some(hash) = hash else {
            return Ok(Verified::Incorrect);
        };
        let (cost, right) = hash
            .0
            .strip_prefix("plain$")
            .and_then(|rest| rest.split_once('$'))
            .and_then(|(cost, right)| Some((cost.parse::<u32>().ok()?, right)))
            .ok_or_else(|| HasherError::Failed("not a hash of the plain hasher".to_owned()))?;
        Ok(match password == right {
            false => Verified::Incorrect,
            true if cost < self.cost => Verified::NeedsRehash,
            true => Verified::Correct,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_ascending_and_of_version_7() {
        let ids: Vec<_> = (0..300).map(|_| SequentialSecrets.uuid()).collect();
        assert!(ids.is_sorted_by(|a, b| a < b), "{ids:?}");
        assert!(ids.iter().all(|id| id.get_version() == Some(Version::SortRand)), "{ids:?}");
    }

    #[tokio::test]
    async fn the_plain_hasher_distinguishes_right_weak_and_wrong() {
        let hasher = PlainHasher { cost: 10 };
        let hash = |cost: u32| Some(PasswordHash(format!("plain${cost}$Passw0rd$")));
        let ann = HashedFor { account: "ann@example.com".into(), network: None };
        let verify = async |password, hash| hasher.verify(password, hash, &ann).await.expect("an answer");
        assert_eq!(verify("Passw0rd$", hash(10)).await, Verified::Correct);
        assert_eq!(verify("Passw0rd$", hash(9)).await, Verified::NeedsRehash);
        assert_eq!(verify("Passw0rd", hash(10)).await, Verified::Incorrect);
        assert_eq!(verify("Passw0rd", None).await, Verified::Incorrect);
    }
}
