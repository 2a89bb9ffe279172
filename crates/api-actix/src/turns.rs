//! Turns at what costs much memory or time.
//!
//! One user's large answers, slow searches and proofs of passwords could take all of the memory, every reader of the database and the
//! hasher's whole queue. So each user does one thing of a kind at a time, and the user's others wait for a while.

use std::collections::HashMap;
use std::future::Future;
use std::panic::resume_unwind;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use actix_web::rt;
use domain::UserId;
use domain::session::Principal;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;
use tracing::Instrument as _;

use crate::Api;
use crate::error::{Answer, Problem};

/// How long a request waits for its turn.
const PATIENCE: Duration = Duration::from_secs(10);

/// What is done in turns. The kinds do not wait for each other: whoever searches a lot can still change a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Heavy {
    /// A whole list, a sync or a search.
    Read,
    /// The proof of a password, which costs the hasher its time.
    Proof,
    /// An export, which lasts for as long as its client reads.
    Export,
}

/// Who is at what, and who waits for it; one for the whole process. Clones share it.
#[derive(Clone, Debug)]
pub struct Turns {
    patience: Duration,
    lines: Arc<Mutex<HashMap<(UserId, Heavy), Line>>>,
}

/// The requests of one user for one kind.
#[derive(Debug)]
struct Line {
    semaphore: Arc<Semaphore>,
    /// How many there are: the one whose turn it is, and those that wait.
    present: usize,
}

/// Others of the user's requests took too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooMany;

impl From<TooMany> for Problem {
    fn from(_: TooMany) -> Self {
        Self::too_many_at_once()
    }
}

impl Default for Turns {
    fn default() -> Self {
        Self::with_patience(PATIENCE)
    }
}

impl Turns {
    /// Turns for which a request waits for so long.
    #[must_use]
    pub fn with_patience(patience: Duration) -> Self {
        Self { patience, lines: Arc::default() }
    }

    /// The user's turn, once those that came before have had theirs.
    pub async fn wait(&self, user: UserId, what: Heavy) -> Result<Turn, TooMany> {
        let (place, semaphore) = self.line_up(user, what);
        let permit = timeout(self.patience, semaphore.acquire_owned()).await;
        let permit = permit.map_err(|_| TooMany)?.map_err(|_| TooMany)?;
        Ok(Turn { _permit: permit, _place: place })
    }

    /// The user's turn, if there is nobody before.
    pub fn at_once(&self, user: UserId, what: Heavy) -> Result<Turn, TooMany> {
        let (place, semaphore) = self.line_up(user, what);
        let permit = semaphore.try_acquire_owned().map_err(|_| TooMany)?;
        Ok(Turn { _permit: permit, _place: place })
    }

    fn line_up(&self, user: UserId, what: Heavy) -> (Place, Arc<Semaphore>) {
        let mut lines = self.lines();
        let new = || Line { semaphore: Arc::new(Semaphore::new(1)), present: 0 };
        let line = lines.entry((user, what)).or_insert_with(new);
        line.present += 1;
        (Place { of: self.clone(), at: (user, what) }, line.semaphore.clone())
    }

    fn lines(&self) -> MutexGuard<'_, HashMap<(UserId, Heavy), Line>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place in a line; the last one to leave takes the line along.
#[derive(Debug)]
struct Place {
    of: Turns,
    at: (UserId, Heavy),
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut lines = self.of.lines();
        if let Some(line) = lines.get_mut(&self.at) {
            line.present -= 1;
            if line.present == 0 {
                lines.remove(&self.at);
            }
        }
    }
}

/// A user's turn, until it is dropped.
#[derive(Debug)]
pub struct Turn {
    // Dropped before the place: the next in line begins before anybody can take the line away.
    _permit: OwnedSemaphorePermit,
    _place: Place,
}

impl Turn {
    /// Does `work`, and keeps the turn until that is done even where the client goes away meanwhile: a query goes on without whoever
    /// asked for it, and so would one user's queries beside each other.
    pub async fn keep(self, work: impl Future<Output = Answer> + 'static) -> Answer {
        let kept = async move {
            let answer = work.await;
            drop(self);
            answer
        };
        match rt::spawn(kept.in_current_span()).await {
            Ok(answer) => answer,
            Err(error) => match error.try_into_panic() {
                Ok(panic) => resume_unwind(panic),
                Err(_) => Err(Problem::unexpected()),
            },
        }
    }
}

/// Does `work` when it is the caller's turn, provided that the caller still stands by then.
pub(crate) async fn in_turn(
    api: &Api,
    principal: &Principal,
    what: Heavy,
    work: impl Future<Output = Answer> + 'static,
) -> Answer {
    let turn = api.turns.wait(principal.user, what).await?;
    api.sessions.check(principal)?;
    turn.keep(work).await
}

#[cfg(test)]
mod tests {
    use actix_web::HttpResponse;
    use tokio::sync::oneshot;
    use uuid::Uuid;

    use super::*;

    const ANN: UserId = UserId(Uuid::from_u128(1));
    const BOB: UserId = UserId(Uuid::from_u128(2));

    fn brief() -> Turns {
        Turns::with_patience(Duration::from_millis(20))
    }

    #[actix_web::test]
    async fn a_user_does_one_thing_of_a_kind_at_a_time_and_others_do_not_wait() {
        let turns = brief();
        let turn = turns.wait(ANN, Heavy::Read).await.expect("nobody is there");
        assert_eq!(turns.wait(ANN, Heavy::Read).await.err(), Some(TooMany));
        assert_eq!(turns.at_once(ANN, Heavy::Read).err(), Some(TooMany));
        assert!(turns.at_once(BOB, Heavy::Read).is_ok() && turns.at_once(ANN, Heavy::Proof).is_ok());
        drop(turn);
        assert!(turns.at_once(ANN, Heavy::Read).is_ok());
    }

    #[actix_web::test]
    async fn whoever_waits_has_a_turn_when_the_one_before_is_done() {
        let turns = Turns::default();
        let first = turns.at_once(ANN, Heavy::Read).expect("nobody is there");
        let waiting = turns.clone();
        let second = rt::spawn(async move { waiting.wait(ANN, Heavy::Read).await });
        rt::task::yield_now().await;
        drop(first);
        assert!(second.await.expect("no panic").is_ok());
    }

    #[actix_web::test]
    async fn nothing_is_kept_of_users_who_are_gone() {
        let turns = brief();
        let turn = turns.at_once(ANN, Heavy::Read);
        assert_eq!(turns.wait(ANN, Heavy::Read).await.err(), Some(TooMany));
        drop(turns.wait(ANN, Heavy::Read));
        assert_eq!(turns.lines().get(&(ANN, Heavy::Read)).map(|line| line.present), Some(1));
        drop(turn);
        assert!(turns.lines().is_empty());
    }

    #[actix_web::test]
    async fn a_turn_lasts_until_the_work_is_done_though_nobody_waits_for_it() {
        let turns = brief();
        let turn = turns.at_once(ANN, Heavy::Read).expect("nobody is there");
        let (done, until_done) = oneshot::channel::<()>();
        let work = turn.keep(async move {
            until_done.await.map_err(|_| Problem::unexpected())?;
            Ok(HttpResponse::Ok().finish())
        });
        assert!(timeout(Duration::from_millis(20), work).await.is_err());
        assert_eq!(turns.at_once(ANN, Heavy::Read).err(), Some(TooMany));
        done.send(()).expect("the work goes on");
        assert!(turns.wait(ANN, Heavy::Read).await.is_ok());
    }
}
