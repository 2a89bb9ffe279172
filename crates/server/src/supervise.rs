//! Keeps background tasks running.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt as _;
use metrics::counter;
use tokio::time::Instant;

use crate::stop::Stop;

/// The pause before the first restart. It doubles with each further one.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// The longest pause. A task that ran for longer starts again after the first pause.
const LONGEST_PAUSE: Duration = Duration::from_mins(1);

/// Runs `start` until the server stops, and again after a pause whenever its future ends or panics. Each
/// restart is logged and counted.
pub async fn supervise<F>(task: &'static str, mut stop: Stop, start: impl Fn() -> F + Send)
where
    F: Future<Output = ()> + Send,
{
    let restarts = counter!("background_task_restarts_total", "task" => task);
    restarts.increment(0);
    let mut pause = FIRST_PAUSE;
    loop {
        let started = Instant::now();
        let panicked = AssertUnwindSafe(async { start().await }).catch_unwind().await.is_err();
        if stop.is_requested() {
            return;
        }
        restarts.increment(1);
        if started.elapsed() > LONGEST_PAUSE {
            pause = FIRST_PAUSE;
        }
        let reason = if panicked { "it panicked" } else { "it ended" };
        tracing::error!(task, reason, "a background task is down; restarting it after a pause");
        stop.sleep(pause).await;
        if stop.is_requested() {
            return;
        }
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::stop::ShutdownHandle;

    #[tokio::test(start_paused = true)]
    async fn a_task_that_panics_or_ends_is_started_again_after_growing_pauses() {
        let recorder = metrics_exporter_prometheus::PrometheusBuilder::new().build_recorder();
        let _recording = metrics::set_default_local_recorder(&recorder);
        let (shutdown, starts) = (ShutdownHandle::new(), Arc::new(AtomicUsize::new(0)));
        let counting = starts.clone();
        let began = Instant::now();
        let supervised = tokio::spawn(supervise("test", shutdown.subscribe(), move || {
            let start = counting.fetch_add(1, Ordering::Relaxed);
            async move {
                match start {
                    0 => panic!("a task of this test panics deliberately"),
                    1 => {}
                    _ => std::future::pending().await,
                }
            }
        }));
        while starts.load(Ordering::Relaxed) < 3 {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        assert!(began.elapsed() >= FIRST_PAUSE + FIRST_PAUSE * 2, "{:?}", began.elapsed());
        let counted = recorder.handle().render();
        assert!(counted.contains("background_task_restarts_total{task=\"test\"} 2\n"), "{counted}");
        supervised.abort();
    }

    #[tokio::test]
    async fn a_task_that_ends_because_the_server_stops_is_not_started_again() {
        let shutdown = ShutdownHandle::new();
        let (stop, starts) = (shutdown.subscribe(), Arc::new(AtomicUsize::new(0)));
        let counting = starts.clone();
        drop(shutdown);
        supervise("test", stop, move || {
            counting.fetch_add(1, Ordering::Relaxed);
            async {}
        })
        .await;
        assert_eq!(starts.load(Ordering::Relaxed), 1);
    }
}
