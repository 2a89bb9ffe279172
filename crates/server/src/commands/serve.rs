//! `serve`: runs the server until it is asked to stop.

use std::error::Error;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use actix_server::{GracefulShutdownSignal, Server, ServerBuilder, ServerHandle};
use actix_web::rt::System;
use api_actix::Api;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use metrics::gauge;
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::runtime::{Builder, Handle};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::JoinSet;
use tokio::time::{interval, sleep, timeout};

use super::print;
use crate::descriptors::{ConnectionLimits, raise_limit};
use crate::listen::{Ports, listen};
use crate::series::OnDemand;
use crate::settings::{METRICS_PORT, PORT, Settings, cores};
use crate::stop::ShutdownHandle;
use crate::supervise::supervise;
use crate::wire::Application;
use crate::{background, instances, revocations, series, shared_limits, telemetry, wire};

/// How long a shutdown waits for requests in flight.
const REQUEST_GRACE: Duration = Duration::from_secs(30);
/// How long a shutdown waits for background workers.
const WORKER_GRACE: Duration = Duration::from_secs(30);
/// How long the port stays open after the readiness check begins to fail, so that a load balancer
/// notices before connections are refused.
const READINESS_GRACE: Duration = Duration::from_millis(500);
/// How long connections under way may take until the server has accepted them and read their
/// request. A client that is ignored meanwhile tries again after a second, when the port is closed.
const HANDSHAKE_GRACE: Duration = Duration::from_millis(500);
/// How often the samples of histograms are aggregated, so that they do not accumulate
/// between two scrapes.
const METRICS_UPKEEP: Duration = Duration::from_secs(5);

pub fn run(settings: &Settings) -> Result<(), Box<dyn Error>> {
    let exports = telemetry::init(settings)?;
    for warning in &settings.warnings {
        tracing::warn!("{warning}");
    }
    // Requests run on the threads of the HTTP workers. These threads are for the stores and for
    // background tasks.
    let runtime = Arc::new(Builder::new_multi_thread().worker_threads(cores().min(2)).enable_all().build()?);
    let background = background::runtime()?;
    // Inside an actix system, a result from a store does not wake a worker that is already awake.
    let system = System::with_tokio_rt(|| runtime.clone());
    let served = system.block_on(serve(settings, background.handle()));
    drop(system);
    // Only abandoned work can be left, such as a password hash whose caller has gone.
    if let Some(runtime) = Arc::into_inner(runtime) {
        runtime.shutdown_background();
    }
    background.shutdown_background();
    drop(exports);
    served
}

async fn serve(settings: &Settings, background: &Handle) -> Result<(), Box<dyn Error>> {
    let connections = ConnectionLimits::of(raise_limit(), cores());
    let metrics = telemetry::init_metrics()?;
    series::begin();
    let (render, on_demand) = (metrics.clone(), OnDemand::new(&settings.database.url));
    let render = move || {
        on_demand.measure();
        render.render()
    };
    let application = wire::assemble(settings, background, connections.open, render).await?;
    let shutdown = ShutdownHandle::new();
    let subscribe = || shutdown.subscribe();
    let (mut tasks, mut workers) = (JoinSet::new(), JoinSet::new());
    let Application {
        api,
        revocations,
        arrivals,
        bus,
        others,
        shared_limiter,
        todos,
        mail,
        housekeeper,
        deletions,
        backups,
        database,
    } = application;
    let heard = arrivals.clone();
    let poll = move || revocations::poll(revocations.clone(), heard.clone());
    tasks.spawn(supervise("revocations", subscribe(), poll));
    let heard = arrivals.clone();
    let poll = move || instances::poll_clocks(todos.clone(), heard.clone());
    tasks.spawn(supervise("clocks", subscribe(), poll));
    if let Some(others) = others {
        let heard = arrivals.clone();
        let watch = move || instances::watch(others.clone(), heard.clone());
        tasks.spawn(supervise("other writers", subscribe(), watch));
    }
    if let Some(bus) = bus {
        let run = move || {
            let (bus, arrivals) = (bus.clone(), arrivals.clone());
            async move { bus.run(&*arrivals).await }
        };
        tasks.spawn(supervise("bus", subscribe(), run));
    } else {
        gauge!("realtime_bus_up").set(1.0);
    }
    if let Some(limiter) = shared_limiter {
        let run = move || {
            let limiter = limiter.clone();
            async move { limiter.run(shared_limits::reporter()).await }
        };
        tasks.spawn(supervise("limits", subscribe(), run));
    }
    tasks.spawn(supervise("metrics", subscribe(), move || keep_up(metrics.clone())));
    let stopping = subscribe();
    workers.spawn(supervise("mail", subscribe(), move || mail.clone().run(stopping.clone())));
    let stopping = subscribe();
    workers.spawn(supervise("housekeeping", subscribe(), move || housekeeper.clone().run(stopping.clone())));
    let stopping = subscribe();
    workers.spawn(supervise("deletions", subscribe(), move || deletions.clone().run(stopping.clone())));
    if let Some(backups) = backups {
        let stopping = subscribe();
        workers.spawn(supervise("backups", subscribe(), move || backups.clone().run(stopping.clone())));
    }

    let mut signals = Signals::new()?;
    let (server, ports) = bind(settings, connections, &api)?;
    let server = server.run();
    let handle = server.handle();
    let drain = settings.drain;
    tasks.spawn(async move {
        signals.next().await;
        stop(&api, &handle, ports, drain, signals).await;
    });
    server.await?;
    drop(shutdown);
    let finished = async { while workers.join_next().await.is_some() {} };
    if timeout(WORKER_GRACE, finished).await.is_err() {
        tracing::warn!("gave up waiting for background workers; unsent emails are sent after the next start");
    }
    workers.shutdown().await;
    tasks.shutdown().await;
    database.close().await;
    tracing::info!("stopped");
    Ok(())
}

/// Aggregates the samples of histograms, forever.
async fn keep_up(metrics: PrometheusHandle) {
    let mut ticks = interval(METRICS_UPKEEP);
    loop {
        ticks.tick().await;
        metrics.run_upkeep();
    }
}

/// Binds the server to its ports, and prints and logs their addresses. Returns the ports of
/// the API, too.
fn bind(
    settings: &Settings,
    connections: ConnectionLimits,
    api: &Arc<Api>,
) -> Result<(ServerBuilder, Ports), Box<dyn Error>> {
    let mut ports = Ports::default();
    let mut server = Server::build()
        .workers(cores())
        .max_concurrent_connections(connections.per_worker)
        .disable_signals()
        .shutdown_timeout(REQUEST_GRACE.as_secs());
    let stopping = server.graceful_shutdown_signal();
    for listener in listen(&settings.host, settings.port, PORT)? {
        let address = listener.local_addr()?;
        print(format_args!("listening on http://{address}"));
        // Pages of a frontend under development are on localhost, and cookies need one site.
        let shown = if address.ip().is_loopback() {
            format!("localhost:{}", address.port())
        } else {
            address.to_string()
        };
        if settings.web_dir.is_some() {
            print(format_args!("the web app is at http://{shown}"));
        }
        print(format_args!("the API documentation is at http://{shown}/docs"));
        tracing::info!(%address, version = env!("CARGO_PKG_VERSION"), environment = ?settings.environment, "listening; the API documentation is at /docs");
        ports.add(&listener)?;
        let (api, stopping) = (api.clone(), stopping.clone());
        server = server
            .listen("api", listener, move || api_actix::service(&api, on_shutdown(stopping.clone())))?;
    }
    let Some(port) = settings.metrics_port else { return Ok((server, ports)) };
    for listener in listen(&settings.host, port, METRICS_PORT)? {
        let address = listener.local_addr()?;
        print(format_args!("metrics are at http://{address}/metrics"));
        tracing::info!(%address, "listening; metrics are at /metrics");
        let (api, stopping) = (api.clone(), stopping.clone());
        let service = move || api_actix::metrics_service(&api, on_shutdown(stopping.clone()));
        server = server.listen("metrics", listener, service)?;
    }
    Ok((server, ports))
}

/// Returns a function whose futures end when the server begins to stop.
fn on_shutdown(stopping: GracefulShutdownSignal) -> impl Fn() -> BoxFuture<'static, ()> + 'static {
    move || {
        let stopping = stopping.clone();
        async move { stopping.notified().await }.boxed()
    }
}

/// Stops the server gracefully, or at once on another signal.
async fn stop(api: &Api, server: &ServerHandle, ports: Ports, drain: Duration, mut signals: Signals) {
    tracing::info!(drain_seconds = drain.as_secs(), "stopping: waiting for requests in flight");
    api.begin_shutdown();
    let graceful = async {
        sleep(drain).await;
        api.close_sockets();
        sleep(READINESS_GRACE).await;
        ports.ignore_new_connections();
        sleep(HANDSHAKE_GRACE).await;
        drop(ports);
        server.stop(true).await;
    };
    tokio::select! {
        () = graceful => {}
        () = signals.next() => {
            tracing::warn!("stopping at once: requests in flight are aborted");
            server.stop(false).await;
        }
    }
}

/// The signals that ask the process to stop: SIGTERM and SIGINT.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    /// Replaces the default action of the signals, which ends the process.
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
