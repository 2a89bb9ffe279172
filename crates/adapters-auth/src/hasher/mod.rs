//! bcrypt on blocking threads.

mod queues;
#[cfg(test)]
mod tests;
mod turns;

use std::num::NonZeroUsize;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bcrypt::{BcryptError, HashParts};
use domain::limits::Network;
use domain::user::{HashedFor, HasherError, NewPassword, PasswordHash, PasswordHasher, Verified};
use thiserror::Error;
use tokio::runtime::Handle;
use tokio::time::timeout;

use queues::{Queues, Slot};
use turns::{Kind, Place, Turns};

/// A random salt and hash that match no known password. Verifying against it takes as long as
/// verifying against a real hash.
const DUMMY: &str = "eFNFhs119so47hNX6PzV9efb9fRTqJeJ64F4etc51Q1g.XSFa5r06";

/// The maximum number of jobs of one account that run or wait for a place.
const SLOTS_PER_ACCOUNT: usize = 2;
/// How long a job waits until it runs.
const WAIT_TIMEOUT: Duration = Duration::from_secs(10);

/// Hashes with bcrypt on blocking threads. A limited number of jobs run, and a limited number wait.
///
/// Verifying (logins) and hashing (registrations, new passwords) have a queue each and take turns.
/// In a queue, Internet providers take turns (see [`Network::provider`]): a flood from many networks
/// of one delays and refuses its own jobs rather than those from elsewhere. Jobs wait instead of
/// being refused while there is room, so whoever repeats requests fastest gains nothing. A caller
/// without a known network counts by account.
///
/// An account may have two jobs in a queue or running, and a network a quarter of the capacity;
/// their other jobs wait in a queue of the account or network. Correct passwords, which no limit of
/// guesses counts, can therefore not fill the hasher either. No job waits for more than 10 seconds
/// in all.
///
/// A job runs to its end even if its caller no longer waits, and holds its place until then. A
/// caller that disconnects repeatedly therefore cannot run more jobs than the others.
pub struct BcryptHasher {
    cost: u32,
    turns: Arc<Turns<Party>>,
    accounts: Arc<Queues<String>>,
    networks: Arc<Queues<Network>>,
    background: Option<Handle>,
}

/// Who takes turns in a queue.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Party {
    /// The networks of one Internet provider.
    Provider(Network),
    /// An account whose caller's network does not count.
    Account(String),
}

impl Party {
    fn of(on_behalf: &HashedFor) -> Self {
        let provider = on_behalf.network.map(Network::provider);
        provider.map_or_else(|| Self::Account(on_behalf.account.clone()), Self::Provider)
    }
}

/// What a job holds until it ends: its place, and its slots in the queues of its account and, if
/// known, its network.
type Held = (Place<Party>, Slot<String>, Option<Slot<Network>>);

/// A cost outside the range that [`BcryptHasher`] supports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("must be between {min} and {max}, not {cost}", min = BcryptHasher::MIN_COST, max = BcryptHasher::MAX_COST)]
pub struct CostOutOfRange {
    pub cost: u32,
}

impl BcryptHasher {
    /// The lowest cost that bcrypt supports. A server should use at least 10.
    pub const MIN_COST: u32 = 4;
    /// The highest cost at which a hash takes seconds, not minutes.
    pub const MAX_COST: u32 = 15;

    /// Creates a hasher of 2^`cost` rounds, with at most `concurrency` running jobs and `queue`
    /// waiting ones of each kind.
    pub fn new(cost: u32, concurrency: NonZeroUsize, queue: usize) -> Result<Self, CostOutOfRange> {
        if !(Self::MIN_COST..=Self::MAX_COST).contains(&cost) {
            return Err(CostOutOfRange { cost });
        }
        Ok(Self {
            cost,
            turns: Turns::new(concurrency.get(), queue),
            accounts: Queues::new(SLOTS_PER_ACCOUNT),
            networks: Queues::new(((concurrency.get() + queue) / 4).max(1)),
            background: None,
        })
    }

    /// Hashes on the blocking threads of this runtime, rather than of the caller's: hashing may wait
    /// where its threads have less priority.
    #[must_use]
    pub fn with_background(self, background: Handle) -> Self {
        Self { background: Some(background), ..self }
    }

    async fn run<T: Send + 'static>(
        &self,
        kind: Kind,
        on_behalf: &HashedFor,
        job: impl FnOnce() -> Result<T, BcryptError> + Send + 'static,
    ) -> Result<T, HasherError> {
        let held = timeout(WAIT_TIMEOUT, self.enter(kind, on_behalf)).await;
        let held = held.map_err(|_| HasherError::Busy)??;
        let background = self.background.clone().unwrap_or_else(Handle::current);
        let result = background.spawn_blocking(move || {
            let result = job();
            drop(held);
            result
        });
        match result.await {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(error)) => Err(HasherError::Failed(error.to_string())),
            Err(error) if error.is_panic() => Err(HasherError::Failed("the hashing thread panicked".into())),
            Err(_) => Err(HasherError::Failed("the server is shutting down".into())),
        }
    }

    /// A well-formed hash at `cost` that matches no known password.
    fn dummy_hash(cost: u32) -> String {
        format!("$2b${cost:02}${DUMMY}")
    }

    async fn enter(&self, kind: Kind, on_behalf: &HashedFor) -> Result<Held, HasherError> {
        let account = self.accounts.enter(&on_behalf.account).await?;
        let network = match &on_behalf.network {
            Some(network) => Some(self.networks.enter(network).await?),
            None => None,
        };
        let place = self.turns.enter(kind, Party::of(on_behalf)).await?;
        Ok((place, account, network))
    }
}

#[async_trait]
impl PasswordHasher for BcryptHasher {
    async fn hash(&self, password: NewPassword, on_behalf: &HashedFor) -> Result<PasswordHash, HasherError> {
        let cost = self.cost;
        let job = move || bcrypt::hash(password.expose(), cost);
        self.run(Kind::Hash, on_behalf, job).await.map(PasswordHash)
    }

    async fn verify(
        &self,
        password: &str,
        hash: Option<PasswordHash>,
        on_behalf: &HashedFor,
    ) -> Result<Verified, HasherError> {
        // bcrypt ignores bytes after the 72nd and after a NUL. `NewPassword` allows neither, so
        // such a password is always wrong, even if bcrypt accepts it.
        let is_possible = password.len() <= NewPassword::MAX_BYTES && !password.contains('\0');
        let has_hash = hash.is_some();
        let (password, cost) = (password.to_owned(), self.cost);
        let hash = hash.map_or_else(|| Self::dummy_hash(cost), |hash| hash.0);
        self.run(Kind::Verify, on_behalf, move || {
            let matches = bcrypt::verify(&password, &hash)?;
            let hash_cost = hash.parse::<HashParts>()?.get_cost();
            if matches && is_possible && has_hash {
                return Ok(if hash_cost < cost { Verified::NeedsRehash } else { Verified::Correct });
            }
            for cost in padding_costs(hash_cost, cost) {
                bcrypt::verify(&password, &Self::dummy_hash(cost))?;
            }
            Ok(Verified::Incorrect)
        })
        .await
    }
}

/// The costs of the extra hashes that make a wrong password for a hash of cost `hash_cost` take as
/// long as one at `cost`. Each cost takes twice as long as the one below, so `hash_cost..cost` adds
/// up exactly. Otherwise a quick refusal would reveal an account that is older than the current
/// cost.
fn padding_costs(hash_cost: u32, cost: u32) -> Range<u32> {
    hash_cost..cost
}
