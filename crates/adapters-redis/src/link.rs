//! The connection on which charges are counted, and the circuit breaker in front of it.
//!
//! There is a connection only while Redis counts in time. The first charge that fails takes it away, so that no
//! other charge waits for Redis; the connection comes back once an attempt in the background has succeeded.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, RedisError};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, timeout};

use crate::server::Server;

/// How often Redis is tried while it works.
const HEARTBEAT: Duration = Duration::from_secs(1);
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// The connection to one server, while that works.
pub(crate) struct Link {
    server: Server,
    /// Limits each command.
    timeout: Duration,
    current: RwLock<Option<Arc<Live>>>,
}

/// A connection that worked when it was last used.
pub(crate) struct Live {
    connection: MultiplexedConnection,
    failed: mpsc::UnboundedSender<String>,
}

/// A command did not succeed in time.
pub(crate) struct Failed;

impl Link {
    pub(crate) fn new(server: Server, timeout: Duration) -> Self {
        Self { server, timeout, current: RwLock::default() }
    }

    /// Whether there is a connection.
    pub(crate) fn is_up(&self) -> bool {
        self.current().is_some()
    }

    fn current(&self) -> Option<Arc<Live>> {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, current: Option<Arc<Live>>) {
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = current;
    }

    /// Runs `command` on the connection. If it fails or takes too long, there is no connection any more.
    pub(crate) async fn call<T, F>(&self, command: impl Fn(MultiplexedConnection) -> F) -> Result<T, Failed>
    where
        F: Future<Output = Result<T, RedisError>>,
    {
        let live = self.current().ok_or(Failed)?;
        match self.in_time(command(live.connection.clone())).await {
            Ok(value) => Ok(value),
            Err(problem) => {
                let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
                if current.as_ref().is_some_and(|current| Arc::ptr_eq(current, &live)) {
                    *current = None;
                    // Without a receiver, the connection is being replaced already.
                    let _ = live.failed.send(problem);
                }
                Err(Failed)
            }
        }
    }

    /// Keeps the connection until the future is dropped: connects, and tries `probe` from time to time. Tells
    /// `report` when Redis begins to work, and why it does not.
    pub(crate) async fn run<F>(
        &self,
        probe: impl Fn(MultiplexedConnection) -> F,
        report: impl Fn(Result<(), &str>),
    ) where
        F: Future<Output = Result<(), RedisError>>,
    {
        self.set(None);
        let mut pause = FIRST_PAUSE;
        loop {
            let started = Instant::now();
            let problem = self.work(&probe, &report).await;
            self.set(None);
            report(Err(&problem));
            pause =
                if started.elapsed() > LONGEST_PAUSE { FIRST_PAUSE } else { (pause * 2).min(LONGEST_PAUSE) };
            sleep(pause).await;
        }
    }

    /// Works on one connection until it breaks, and returns why.
    async fn work<F>(
        &self,
        probe: impl Fn(MultiplexedConnection) -> F,
        report: impl Fn(Result<(), &str>),
    ) -> String
    where
        F: Future<Output = Result<(), RedisError>>,
    {
        let connecting = self.server.connect(AsyncConnectionConfig::new(), self.timeout);
        let connection = match connecting.await {
            Ok(connection) => connection,
            Err(problem) => return problem.to_string(),
        };
        let (failed, mut failures) = mpsc::unbounded_channel();
        let mut live = Some(Arc::new(Live { connection: connection.clone(), failed }));
        loop {
            if let Err(problem) = self.in_time(probe(connection.clone())).await {
                return problem;
            }
            if let Some(live) = live.take() {
                self.set(Some(live));
                report(Ok(()));
            }
            tokio::select! {
                biased;
                problem = failures.recv() => return problem.unwrap_or_default(),
                () = sleep(HEARTBEAT) => {}
            }
        }
    }

    async fn in_time<T>(&self, command: impl Future<Output = Result<T, RedisError>>) -> Result<T, String> {
        match timeout(self.timeout, command).await {
            Ok(done) => done.map_err(|error| error.to_string()),
            Err(_) => Err("it did not answer in time".to_owned()),
        }
    }
}
