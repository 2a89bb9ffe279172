//! Delays responses to fixed steps of time, so that their duration does not reveal what the server
//! found.
//!
//! A request for an email executes one or two more statements if the address is known. Without
//! padding, that difference is measurable (`docs/timing.md`).

use std::time::{Duration, Instant};

use actix_web::rt::time::sleep;

/// The server responds at multiples of this time. It is much longer than the work takes, and short
/// enough for a user who waits for an email anyway.
const STEP: Duration = Duration::from_millis(50);

/// Runs `work`, and returns its result at the next multiple of [`STEP`] after the start.
pub(super) async fn pad<T>(work: impl Future<Output = T>) -> T {
    let start = Instant::now();
    let result = work.await;
    let elapsed = start.elapsed();
    sleep(next_step(elapsed).saturating_sub(elapsed)).await;
    result
}

/// The first multiple of [`STEP`] after `elapsed`.
fn next_step(elapsed: Duration) -> Duration {
    let steps = elapsed.as_nanos() / STEP.as_nanos() + 1;
    STEP * u32::try_from(steps).unwrap_or(u32::MAX)
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
    async fn a_response_never_comes_before_its_step() {
        let start = Instant::now();
        assert_eq!(pad(std::future::ready(7)).await, 7);
        assert!(start.elapsed() >= STEP);
    }
}
