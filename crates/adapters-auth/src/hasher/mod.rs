//! bcrypt, off the async workers.

#[cfg(test)]
mod tests;

use std::num::NonZeroUsize;
use std::sync::Arc;

use async_trait::async_trait;
use bcrypt::{BcryptError, HashParts};
use domain::account::{HasherError, NewPassword, PasswordHash, PasswordHasher, Verified};
use thiserror::Error;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::spawn_blocking;

/// Random salt and hash, of no password that anybody knows, to spend the time of a comparison on.
const DUMMY: &str = "eFNFhs119so47hNX6PzV9efb9fRTqJeJ64F4etc51Q1g.XSFa5r06";

/// Hashes with bcrypt on blocking threads: so many at once, so many more waiting for their turn.
///
/// Comparing (logins) and hashing (registrations, new passwords) each get at most three quarters of all places: a flood of the one, from
/// however many addresses, leaves the other the rest. Whoever is admitted waits for at most all the others.
///
/// Work that was begun is finished even when its caller has gone, and holds its place until then: a caller that keeps
/// hanging up can't start more than the others.
pub struct BcryptHasher {
    cost: u32,
    /// A place among those that run.
    running: Arc<Semaphore>,
    /// A place among those that run or wait.
    admitted: Arc<Semaphore>,
    /// The share of them for comparing.
    comparing: Arc<Semaphore>,
    /// The share of them for hashing.
    hashing: Arc<Semaphore>,
}

/// The places that one piece of work holds.
type Places = [OwnedSemaphorePermit; 3];

/// A cost that bcrypt does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the cost must be between {min} and {max}, not {cost}", min = BcryptHasher::MIN_COST, max = BcryptHasher::MAX_COST)]
pub struct CostOutOfRange {
    /// The cost asked for.
    pub cost: u32,
}

impl BcryptHasher {
    /// The least cost; a server should be set to 10 at least.
    pub const MIN_COST: u32 = 4;
    /// The highest cost at which an answer comes within seconds.
    pub const MAX_COST: u32 = 15;

    /// Hashes at `cost` (2 to its power rounds), `at_once` at a time, with `queue` more waiting.
    pub fn new(cost: u32, at_once: NonZeroUsize, queue: usize) -> Result<Self, CostOutOfRange> {
        if !(Self::MIN_COST..=Self::MAX_COST).contains(&cost) {
            return Err(CostOutOfRange { cost });
        }
        let places = at_once.get() + queue;
        let share = || Arc::new(Semaphore::new(places - places / 4));
        Ok(Self {
            cost,
            running: Arc::new(Semaphore::new(at_once.get())),
            admitted: Arc::new(Semaphore::new(places)),
            comparing: share(),
            hashing: share(),
        })
    }

    async fn run<T: Send + 'static>(
        &self,
        share: &Arc<Semaphore>,
        work: impl FnOnce() -> Result<T, BcryptError> + Send + 'static,
    ) -> Result<T, HasherError> {
        let places = self.places(share).await?;
        let done = spawn_blocking(move || {
            let answer = work();
            drop(places);
            answer
        });
        match done.await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => Err(HasherError::Failed(error.to_string())),
            Err(error) if error.is_panic() => Err(HasherError::Failed("the hashing thread panicked".into())),
            Err(_) => Err(HasherError::Failed("the server is shutting down".into())),
        }
    }

    /// A hash at `cost` of no password that anybody knows.
    fn dummy(cost: u32) -> String {
        format!("$2b${cost:02}${DUMMY}")
    }

    async fn places(&self, share: &Arc<Semaphore>) -> Result<Places, HasherError> {
        let share = share.clone().try_acquire_owned().map_err(|_| HasherError::Busy)?;
        let admitted = self.admitted.clone().try_acquire_owned().map_err(|_| HasherError::Busy)?;
        let running = self.running.clone().acquire_owned().await.map_err(|_| HasherError::Busy)?;
        Ok([share, admitted, running])
    }
}

#[async_trait]
impl PasswordHasher for BcryptHasher {
    async fn hash(&self, password: NewPassword) -> Result<PasswordHash, HasherError> {
        let cost = self.cost;
        self.run(&self.hashing, move || bcrypt::hash(password.expose(), cost)).await.map(PasswordHash)
    }

    async fn verify(&self, password: &str, hash: Option<PasswordHash>) -> Result<Verified, HasherError> {
        // bcrypt reads 72 bytes and takes a NUL for the end of the password; none that was ever set has more or one, so
        // such a password is another one, whatever bcrypt makes of it.
        let readable = password.len() <= NewPassword::MAX_BYTES && !password.contains('\0');
        let known = hash.is_some();
        let (password, cost) = (password.to_owned(), self.cost);
        let hash = hash.map_or_else(|| Self::dummy(cost), |hash| hash.0);
        self.run(&self.comparing, move || {
            let equal = bcrypt::verify(&password, &hash)?;
            let had = hash.parse::<HashParts>()?.get_cost();
            if equal && readable && known {
                return Ok(if had < cost { Verified::RightButWeak } else { Verified::Right });
            }
            for missing in missing(had, cost) {
                bcrypt::verify(&password, &Self::dummy(missing))?;
            }
            Ok(Verified::Wrong)
        })
        .await
    }
}

/// The costs that make up the work of `wanted` together with one of `had`, as each costs twice the one before: an account whose hash
/// dates from before the cost was raised answers no sooner than none.
fn missing(had: u32, wanted: u32) -> std::ops::Range<u32> {
    had..wanted
}
