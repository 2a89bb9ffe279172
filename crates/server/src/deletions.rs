//! Deletes what remains of deleted accounts, in small steps with pauses in between, so that no request waits
//! long for one. A deletion that a crash interrupted goes on after the next start.

use std::time::Duration;

use domain::account::AccountService;
use metrics::counter;

use crate::stop::Stop;

/// The maximum number of rows that one step deletes.
const STEP: u32 = 100;
/// The pause between two steps.
const PAUSE: Duration = Duration::from_millis(20);
/// How often the worker looks for deleted accounts.
const PERIOD: Duration = Duration::from_secs(1);

/// The worker of one instance. Several instances may run it at the same time.
#[derive(Clone)]
pub struct Deletions(pub AccountService);

impl Deletions {
    /// Works until the server stops. An outage is logged once when it begins.
    pub async fn run(self, mut stop: Stop) {
        let mut failing = false;
        while !stop.is_requested() {
            let deleted = self.0.delete_remains(STEP).await;
            match &deleted {
                Err(error) if !failing => tracing::warn!(%error, "can't delete the remains of an account"),
                Ok(_) | Err(_) => {}
            }
            failing = deleted.is_err();
            let rows = deleted.unwrap_or(0);
            counter!("housekeeping_rows_removed_total").increment(rows);
            stop.sleep(if rows > 0 { PAUSE } else { PERIOD }).await;
        }
    }
}
