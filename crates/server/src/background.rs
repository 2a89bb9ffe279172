//! Threads for work that takes long and may wait: hashing passwords, reading large bodies, and writing
//! large batches.
//!
//! They have less priority than the threads of the HTTP workers. On a busy machine, a request that takes
//! a fraction of a millisecond would otherwise wait for the time slices of work that takes a hundred.

use std::io;

use tokio::runtime::{Builder, Runtime};

/// By how much the threads are nicer than the process. Where every core is busy, another thread gets three
/// times as much processor time as one of these: they become slower, and still end in time.
#[cfg(target_os = "linux")]
const NICER: i32 = 5;

/// Starts the runtime. Its blocking threads have less priority, too.
pub fn runtime() -> io::Result<Runtime> {
    Builder::new_multi_thread()
        .worker_threads(1)
        .thread_name("background")
        .on_thread_start(lower_priority)
        .enable_all()
        .build()
}

/// Lowers the priority of this thread.
#[cfg(target_os = "linux")]
fn lower_priority() {
    if let Err(error) = rustix::process::nice(NICER) {
        tracing::warn!(%error, "can't lower the priority of a background thread");
    }
}

/// Does nothing: a priority belongs to the whole process, except on Linux.
#[cfg(not(target_os = "linux"))]
fn lower_priority() {}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use rustix::process::getpriority_process;

    use super::*;

    #[test]
    fn background_threads_have_less_priority_and_other_threads_keep_theirs() {
        let priority = || getpriority_process(None).expect("a priority");
        let own = priority();
        let background = runtime().expect("starts");
        let (working, blocking) = background.block_on(async {
            let working = tokio::spawn(async move { priority() }).await.expect("no panic");
            (working, tokio::task::spawn_blocking(priority).await.expect("no panic"))
        });
        assert_eq!([working, blocking], [(own + NICER).min(19); 2]);
        assert_eq!(priority(), own);
    }
}
