//! Answers that take as long whatever they found.
//!
//! A mail to an address that has an account is a statement or two more than none, and that can be measured (`docs/timing.md`).

use std::time::{Duration, Instant};

use actix_web::rt::time::sleep;
use tokio::task::yield_now;

/// Answers come at multiples of this: well above what the work takes, below what anybody minds who waits for a mail.
const STEP: Duration = Duration::from_millis(50);
/// A timer of the runtime is late by up to a millisecond, counted from whatever the thread did last, and that is the work: the
/// rest is waited for awake.
const AWAKE: Duration = Duration::from_millis(2);

/// Does the work, and gives its outcome at the next multiple of [`STEP`] after it was begun.
pub(super) async fn in_like_time<T>(work: impl Future<Output = T>) -> T {
    let began = Instant::now();
    let done = work.await;
    let due = next_step(began.elapsed());
    sleep(due.saturating_sub(began.elapsed() + AWAKE)).await;
    while began.elapsed() < due {
        yield_now().await;
    }
    done
}

/// The first multiple of [`STEP`] after work that took so long.
fn next_step(took: Duration) -> Duration {
    let steps = took.as_nanos() / STEP.as_nanos() + 1;
    STEP * u32::try_from(steps).unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_of_different_lengths_ends_at_the_same_time() {
        for millis in [0, 1, 25, 49] {
            assert_eq!(next_step(Duration::from_millis(millis)), STEP);
        }
        assert_eq!(next_step(STEP), 2 * STEP);
        assert_eq!(next_step(STEP + Duration::from_micros(1)), 2 * STEP);
    }

    #[actix_web::test]
    async fn no_answer_comes_before_its_time() {
        let began = Instant::now();
        assert_eq!(in_like_time(std::future::ready(7)).await, 7);
        assert!(began.elapsed() >= STEP);
    }
}
