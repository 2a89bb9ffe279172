//! bcrypt on blocking threads.

mod queues;
#[cfg(test)]
mod tests;

use std::num::NonZeroUsize;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bcrypt::{BcryptError, HashParts};
use domain::limits::Network;
use domain::user::{HashedFor, HasherError, NewPassword, PasswordHash, PasswordHasher, Verified};
use thiserror::Error;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use queues::{Queues, Slot};

/// A random salt and hash that match no known password. Verifying against it takes as long as
/// verifying against a real hash.
const DUMMY: &str = "eFNFhs119so47hNX6PzV9efb9fRTqJeJ64F4etc51Q1g.XSFa5r06";

/// The maximum number of admitted jobs of one account.
const SLOTS_PER_ACCOUNT: usize = 2;
/// How long a job waits for the others of its account and its network.
const QUEUE_TIMEOUT: Duration = Duration::from_secs(10);

/// Hashes with bcrypt on blocking threads. The hasher admits a limited number of jobs, of which some
/// run and the others wait.
///
/// Verifying (logins) and hashing (registrations, new passwords) may each take at most three
/// quarters of the capacity, so a flood of one kind, from any number of addresses, leaves room for
/// the other. An account may have two admitted jobs, and a network a quarter of all; their other jobs
/// wait in a queue of the account or network. Correct passwords, which no limit of guesses counts, can
/// therefore not fill the hasher either.
///
/// A job runs to its end even if its caller no longer waits, and holds its permits until then. A
/// caller that disconnects repeatedly therefore cannot run more jobs than the others.
pub struct BcryptHasher {
    cost: u32,
    /// The jobs that run.
    running: Arc<Semaphore>,
    /// The jobs that run or wait.
    admitted: Arc<Semaphore>,
    /// The share of `admitted` for verifying.
    verifying: Arc<Semaphore>,
    /// The share of `admitted` for hashing.
    hashing: Arc<Semaphore>,
    accounts: Arc<Queues<String>>,
    networks: Arc<Queues<Network>>,
}

/// The permits of one job.
type Permits = ([OwnedSemaphorePermit; 3], Slots);
/// The slots of one job in the queues of its account and, if known, its network.
type Slots = (Slot<String>, Option<Slot<Network>>);

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
    /// waiting ones.
    pub fn new(cost: u32, concurrency: NonZeroUsize, queue: usize) -> Result<Self, CostOutOfRange> {
        if !(Self::MIN_COST..=Self::MAX_COST).contains(&cost) {
            return Err(CostOutOfRange { cost });
        }
        let capacity = concurrency.get() + queue;
        let share = || Arc::new(Semaphore::new(capacity - capacity / 4));
        Ok(Self {
            cost,
            running: Arc::new(Semaphore::new(concurrency.get())),
            admitted: Arc::new(Semaphore::new(capacity)),
            verifying: share(),
            hashing: share(),
            accounts: Queues::new(SLOTS_PER_ACCOUNT),
            networks: Queues::new((capacity / 4).max(1)),
        })
    }

    async fn run<T: Send + 'static>(
        &self,
        share: &Arc<Semaphore>,
        on_behalf: &HashedFor,
        job: impl FnOnce() -> Result<T, BcryptError> + Send + 'static,
    ) -> Result<T, HasherError> {
        let permits = self.acquire(share, on_behalf).await?;
        let result = spawn_blocking(move || {
            let result = job();
            drop(permits);
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

    async fn acquire(&self, share: &Arc<Semaphore>, on_behalf: &HashedFor) -> Result<Permits, HasherError> {
        let slots = timeout(QUEUE_TIMEOUT, self.enqueue(on_behalf));
        let slots = slots.await.map_err(|_| HasherError::Busy)??;
        let share = share.clone().try_acquire_owned().map_err(|_| HasherError::Busy)?;
        let admitted = self.admitted.clone().try_acquire_owned().map_err(|_| HasherError::Busy)?;
        let running = self.running.clone().acquire_owned().await.map_err(|_| HasherError::Busy)?;
        Ok(([share, admitted, running], slots))
    }

    async fn enqueue(&self, on_behalf: &HashedFor) -> Result<Slots, HasherError> {
        let account = self.accounts.enter(&on_behalf.account).await?;
        let network = match &on_behalf.network {
            Some(network) => Some(self.networks.enter(network).await?),
            None => None,
        };
        Ok((account, network))
    }
}

#[async_trait]
impl PasswordHasher for BcryptHasher {
    async fn hash(&self, password: NewPassword, on_behalf: &HashedFor) -> Result<PasswordHash, HasherError> {
        let cost = self.cost;
        let job = move || bcrypt::hash(password.expose(), cost);
        self.run(&self.hashing, on_behalf, job).await.map(PasswordHash)
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
        self.run(&self.verifying, on_behalf, move || {
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
