//! Tells the operator where rate limits are counted.

use std::sync::atomic::{AtomicU8, Ordering};

use metrics::gauge;

const UNKNOWN: u8 = 0;
const UP: u8 = 1;
const DOWN: u8 = 2;

/// Takes in whether Redis counts, and why it does not. An outage is logged once when it begins and once when it ends.
pub fn reporter() -> impl Fn(Result<(), &str>) + Send + Sync {
    let state = AtomicU8::new(UNKNOWN);
    move |counts| match counts {
        Ok(()) => {
            gauge!("redis_up").set(1.0);
            if state.swap(UP, Ordering::Relaxed) == DOWN {
                tracing::info!("rate limits are counted in Redis again");
            }
        }
        Err(problem) => {
            gauge!("redis_up").set(0.0);
            if state.swap(DOWN, Ordering::Relaxed) != DOWN {
                tracing::warn!(
                    problem,
                    "Redis does not count rate limits; each instance counts them for itself until it does"
                );
            }
        }
    }
}
