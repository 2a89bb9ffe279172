//! Reads revocations every second, so that sessions which another instance ended end here within two
//! seconds.

use std::time::Duration;

use domain::session::RevocationReader;
use tokio::time::{Instant, MissedTickBehavior, interval_at};

const PERIOD: Duration = Duration::from_secs(1);

/// Reads revocations every second, forever. An outage is logged once when it begins and once when it ends.
pub async fn poll(mut reader: RevocationReader) {
    let mut ticks = interval_at(Instant::now() + PERIOD, PERIOD);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut failing = false;
    loop {
        ticks.tick().await;
        let outcome = reader.read().await;
        match &outcome {
            Ok(()) if failing => tracing::info!("revocations are readable again"),
            Err(error) if !failing => tracing::error!(%error, "can't read revocations"),
            Ok(()) | Err(_) => {}
        }
        failing = outcome.is_err();
    }
}
