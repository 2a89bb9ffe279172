//! `serve`: the server itself, from the first connection to the last answer.

use std::error::Error;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use actix_server::{GracefulShutdownSignal, Server, ServerBuilder, ServerHandle};
use actix_web::rt::System;
use api_actix::Api;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use tokio::runtime::Builder;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::JoinSet;
use tokio::time::{interval, sleep, timeout};

use super::say;
use crate::listen::listen;
use crate::settings::{METRICS_PORT, PORT, Settings, cores};
use crate::stop::Stopper;
use crate::{telemetry, wire};

/// How long requests in flight may take to finish.
const LAST_REQUESTS: Duration = Duration::from_secs(30);
/// How long a mail that is being sent may still take.
const LAST_WORK: Duration = Duration::from_secs(30);
/// How long the port stays open once readiness says no, so that whoever balances load hears it before the port is closed.
const FAREWELL: Duration = Duration::from_millis(500);
/// How often histograms are folded, so that what nobody scrapes does not pile up.
const UPKEEP: Duration = Duration::from_secs(5);

pub fn run(settings: &Settings) -> Result<(), Box<dyn Error>> {
    telemetry::log(settings);
    // Requests run on the HTTP workers' own threads; these are for the stores and the tasks beside them.
    let runtime = Arc::new(Builder::new_multi_thread().worker_threads(cores().min(2)).enable_all().build()?);
    // In a system, a worker that is awake is not woken once more for each answer of a store.
    let system = System::with_tokio_rt(|| runtime.clone());
    let served = system.block_on(serve(settings));
    drop(system);
    // Nothing that matters is left: a password hash whose caller has gone need not be waited for.
    if let Some(runtime) = Arc::into_inner(runtime) {
        runtime.shutdown_background();
    }
    served
}

async fn serve(settings: &Settings) -> Result<(), Box<dyn Error>> {
    let figures = telemetry::count()?;
    let render = figures.clone();
    let wired = wire::assemble(settings, move || render.render()).await?;
    let mut tasks = JoinSet::new();
    tasks.spawn(wired.poll.run());
    tasks.spawn(async move {
        let mut ticks = interval(UPKEEP);
        loop {
            ticks.tick().await;
            figures.run_upkeep();
        }
    });

    let stopper = Stopper::new();
    let mut workers = JoinSet::new();
    workers.spawn(wired.mail.run(stopper.ear()));
    workers.spawn(wired.housekeeper.run(stopper.ear()));

    let mut signals = Signals::new()?;
    let api = wired.api;
    let server = listening(settings, &api)?.run();
    let handle = server.handle();
    tasks.spawn(async move {
        signals.next().await;
        stop(&api, &handle, signals).await;
    });
    server.await?;
    drop(stopper);
    let finished = async { while workers.join_next().await.is_some() {} };
    if timeout(LAST_WORK, finished).await.is_err() {
        tracing::warn!("a mail took too long: it is sent when the server starts again");
    }
    workers.shutdown().await;
    tasks.shutdown().await;
    wired.closing.close().await;
    tracing::info!("stopped");
    Ok(())
}

/// The server on its ports, which is told to the log and on standard output.
fn listening(settings: &Settings, api: &Arc<Api>) -> Result<ServerBuilder, Box<dyn Error>> {
    let mut server =
        Server::build().workers(cores()).disable_signals().shutdown_timeout(LAST_REQUESTS.as_secs());
    let stopping = server.graceful_shutdown_signal();
    for listener in listen(&settings.host, settings.port, PORT)? {
        let address = listener.local_addr()?;
        say(format_args!("listening on http://{address}"));
        say(format_args!("the API documentation is at http://{address}/docs"));
        tracing::info!(%address, environment = ?settings.environment, "listening; the API documentation is at /docs");
        let (api, stopping) = (api.clone(), stopping.clone());
        server = server
            .listen("api", listener, move || api_actix::service(api.clone(), ended(stopping.clone())))?;
    }
    let Some(port) = settings.metrics_port else { return Ok(server) };
    for listener in listen(&settings.host, port, METRICS_PORT)? {
        let address = listener.local_addr()?;
        say(format_args!("the figures are at http://{address}/metrics"));
        tracing::info!(%address, "listening; the figures are at /metrics");
        let (api, stopping) = (api.clone(), stopping.clone());
        let service = move || api_actix::metrics_service(api.clone(), ended(stopping.clone()));
        server = server.listen("metrics", listener, service)?;
    }
    Ok(server)
}

/// Makes futures that end when the server begins to stop.
fn ended(stopping: GracefulShutdownSignal) -> impl Fn() -> BoxFuture<'static, ()> + 'static {
    move || {
        let stopping = stopping.clone();
        async move { stopping.notified().await }.boxed()
    }
}

/// Stops the server in order, or at once when a further signal says so.
async fn stop(api: &Api, server: &ServerHandle, mut signals: Signals) {
    tracing::info!("stopping: finishing the requests in flight");
    api.begin_shutdown();
    let orderly = async {
        sleep(FAREWELL).await;
        server.stop(true).await;
    };
    tokio::select! {
        () = orderly => {}
        () = signals.next() => {
            tracing::warn!("stopping at once: requests in flight are cut");
            server.stop(false).await;
        }
    }
}

/// The requests to end: SIGTERM and SIGINT.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    /// From now on the process does not end by itself when it gets one.
    fn new() -> io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
