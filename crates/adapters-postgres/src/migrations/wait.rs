//! Waits for a database that starts later than the server.

use std::time::{Duration, Instant};

use super::target;
use crate::error::ConnectError;
use crate::{pooler, tls};

/// How often to say why a start waits.
const REPORT_INTERVAL: Duration = Duration::from_secs(5);
const INTERVAL: Duration = Duration::from_millis(250);

/// Waits until the database of `url` accepts connections, for `limit` at most. Logs what it waits for.
///
/// Does not wait if the server refuses the connection for a reason that time does not mend, such as a wrong
/// password.
pub async fn wait_for(url: &str, limit: Duration) -> Result<(), ConnectError> {
    let target = target(url)?;
    let tls = tls::connector(target.verification, &target.roots)?;
    let started = Instant::now();
    let mut reports = 0;
    loop {
        let reason = match pooler::accepts(&target, &tls).await {
            Err(ConnectError::Absent(reason)) if started.elapsed() < limit => reason,
            answer => return answer,
        };
        if started.elapsed() >= REPORT_INTERVAL * reports {
            reports += 1;
            tracing::warn!(reason, "the database is not there yet; waiting for it");
        }
        tokio::time::sleep(INTERVAL).await;
    }
}
