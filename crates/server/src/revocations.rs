//! Reads revocations every second, so that sessions which another instance ended end here within two
//! seconds, and at once when another instance announces some.

use std::sync::Arc;
use std::time::Duration;

use domain::session::RevocationReader;
use tokio::time::{Instant, MissedTickBehavior, interval_at};

use crate::instances::Arrivals;

const PERIOD: Duration = Duration::from_secs(1);

/// Reads revocations every second and when another instance announces some, forever. An outage, and a clock that differs from the database's,
/// are each logged once when they begin and once when they end.
pub async fn poll(mut reader: RevocationReader, arrivals: Arc<Arrivals>) {
    let mut ticks = interval_at(Instant::now() + PERIOD, PERIOD);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut failing, mut skewed) = (false, false);
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = arrivals.revoked.notified() => {}
        }
        let outcome = reader.read().await;
        match &outcome {
            Ok(_) if failing => tracing::info!("revocations are readable again"),
            Err(error) if !failing => tracing::error!(%error, "can't read revocations"),
            Ok(_) | Err(_) => {}
        }
        if let Ok(skew) = &outcome {
            let exceeded = *skew > RevocationReader::TOLERATED_SKEW;
            match (skewed, exceeded) {
                (false, true) => tracing::warn!(
                    seconds = skew.as_secs(),
                    "this machine's clock differs from the database's: set both by NTP"
                ),
                (true, false) => tracing::info!("this machine's clock agrees with the database's again"),
                _ => {}
            }
            skewed = exceeded;
        }
        failing = outcome.is_err();
    }
}
