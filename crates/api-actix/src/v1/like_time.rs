//! Answers that take as long whatever they found.
//!
//! A mail to an address that has an account is a statement or two more than none, and that can be measured (`docs/timing.md`).

use std::time::{Duration, Instant};

use actix_web::rt::time::sleep;

/// Answers come at multiples of this: well above what the work takes, below what anybody minds who waits for a mail.
const STEP: Duration = Duration::from_millis(50);

/// Does the work, and gives its outcome at the next multiple of [`STEP`] after it was begun.
pub(super) async fn in_like_time<T>(work: impl Future<Output = T>) -> T {
    let began = Instant::now();
    let done = work.await;
    sleep(rest(began.elapsed())).await;
    done
}

/// What is left of the step.
fn rest(took: Duration) -> Duration {
    let step = STEP.as_nanos();
    let left = step - took.as_nanos() % step;
    Duration::from_nanos(u64::try_from(left).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_of_different_lengths_ends_at_the_same_time() {
        for millis in [0, 1, 25, 49] {
            let took = Duration::from_millis(millis);
            assert_eq!(took + rest(took), STEP);
        }
        assert_eq!(STEP + rest(STEP), 2 * STEP);
        let late = STEP + Duration::from_micros(1);
        assert_eq!(late + rest(late), 2 * STEP);
    }

    #[actix_web::test]
    async fn no_answer_comes_before_its_time() {
        let began = Instant::now();
        assert_eq!(in_like_time(std::future::ready(7)).await, 7);
        assert!(began.elapsed() >= STEP);
    }
}
