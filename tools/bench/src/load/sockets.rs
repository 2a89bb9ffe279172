//! Events: every user has open sockets, on one instance or several, while connections patch the users' todos in
//! rotation through the first instance.
//!
//! The delay is the time from sending the patch to reading its event, so it includes the request and the commit.

use std::cell::Cell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use hdrhistogram::Histogram;
use tokio::net::TcpStream;
use tokio::task::{JoinHandle, LocalSet};
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::client_async;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;

use super::cases::{Patch, RoundRobin};
use super::{Figures, Phases, round};
use crate::Result;
use crate::dataset::{Dataset, USERS};
use crate::process::Meter;

/// Upper bound of the wait for the last event.
const TIMEOUT: Duration = Duration::from_mins(1);
/// A socket of another instance reads todos in their current state, so an event may stand for several changes. Then
/// the last event has arrived if none has for this long: the instances compare clocks more often.
const QUIET: Duration = Duration::from_secs(7);

/// The measurements with one number of connections.
pub struct Delivery {
    pub connections: usize,
    pub patches: Figures,
    /// The delays in microseconds.
    pub delay: Histogram<u64>,
    /// Resident memory of the server with all sockets open, in bytes.
    pub memory: u64,
}

/// State that all sockets share.
struct Shared {
    began: Instant,
    events_read: Cell<u64>,
    /// Events of earlier patches do not count. In microseconds since `began`.
    from: Cell<u64>,
}

/// Where the sockets are.
#[derive(Clone, Copy)]
pub struct Sockets<'a> {
    pub instances: &'a [SocketAddr],
    pub per_user: usize,
}

/// Opens the users' sockets on the instances in turn and measures with each number of connections.
pub async fn deliver(
    sockets: Sockets<'_>,
    dataset: &Rc<Dataset>,
    connections: &[usize],
    phases: Phases,
    meter: &Meter,
) -> Result<Vec<Delivery>> {
    let tasks = LocalSet::new();
    tasks
        .run_until(async {
            let mut streams = Vec::with_capacity(USERS * sockets.per_user);
            for address in sockets.instances.iter().cycle().take(sockets.per_user) {
                for user in 0..USERS {
                    streams.push(open(*address, dataset.token(user)).await?);
                }
            }
            let mut deliveries = Vec::new();
            for count in connections {
                let (delivery, open) = measure(sockets, dataset, *count, phases, meter, streams).await?;
                deliveries.push(delivery);
                streams = open;
            }
            Ok(deliveries)
        })
        .await
}

type Stream = WebSocketStream<TcpStream>;

/// Opens a socket and reads its `ready` message.
async fn open(address: SocketAddr, token: &str) -> Result<Stream> {
    let mut request = format!("ws://{address}/ws/todos").into_client_request()?;
    request.headers_mut().insert("sec-websocket-protocol", format!("bearer, {token}").parse()?);
    let (mut stream, _) = client_async(request, TcpStream::connect(address).await?).await?;
    let first = stream.next().await.ok_or("a socket was closed at once")??;
    if first.to_text()?.contains(r#""ready""#) {
        Ok(stream)
    } else {
        Err(format!("a socket began with {first}").into())
    }
}

async fn measure(
    sockets: Sockets<'_>,
    dataset: &Rc<Dataset>,
    connections: usize,
    phases: Phases,
    meter: &Meter,
    streams: Vec<Stream>,
) -> Result<(Delivery, Vec<Stream>)> {
    let warm = u64::try_from(phases.warm.as_micros())?;
    let shared = Rc::new(Shared { began: Instant::now(), events_read: Cell::new(0), from: Cell::new(warm) });
    let stop = tokio::sync::watch::Sender::new(false);
    let readers: Vec<JoinHandle<Result<_>>> = streams
        .into_iter()
        .map(|stream| tokio::task::spawn_local(read(stream, shared.clone(), stop.subscribe())))
        .collect();

    let sent = Rc::new(Cell::new(0));
    let actors = (0..connections).map(|i| {
        let mut patch = Patch::new(RoundRobin::new(0..USERS, i, connections), dataset.clone());
        let (sent, began) = (sent.clone(), shared.began);
        patch.mark = Box::new(move || {
            sent.set(sent.get() + 1);
            began.elapsed().as_micros()
        });
        Box::new(patch) as _
    });
    let patches = round(sockets.instances[0], actors.collect(), phases, meter).await?;
    let expected = || sent.get() * sockets.per_user as u64;
    let all_arrived = async {
        let (mut read, mut since) = (shared.events_read.get(), Instant::now());
        while read < expected() && (sockets.instances.len() == 1 || since.elapsed() < QUIET) {
            tokio::time::sleep(Duration::from_millis(5)).await;
            if shared.events_read.get() > read {
                (read, since) = (shared.events_read.get(), Instant::now());
            }
        }
    };
    if timeout(TIMEOUT, all_arrived).await.is_err() {
        return Err(format!("of {} events, {} arrived", expected(), shared.events_read.get()).into());
    }
    let memory = meter.memory()?;
    stop.send_replace(true);
    let mut delay = Histogram::new(3)?;
    let mut open = Vec::with_capacity(readers.len());
    for reader in readers {
        let (stream, delays) = reader.await??;
        delay.add(delays)?;
        open.push(stream);
    }
    Ok((Delivery { connections, patches, delay, memory }, open))
}

/// Reads events until `stop` changes.
async fn read(
    mut stream: Stream,
    shared: Rc<Shared>,
    mut stop: tokio::sync::watch::Receiver<bool>,
) -> Result<(Stream, Histogram<u64>)> {
    let mut delays = Histogram::new(3)?;
    loop {
        let message = tokio::select! {
            message = stream.next() => message.ok_or("a socket was closed")??,
            _ = stop.changed() => return Ok((stream, delays)),
        };
        let Message::Text(text) = message else { continue };
        let now = u64::try_from(shared.began.elapsed().as_micros())?;
        let mark = text.split_once(r#""text":""#).and_then(|(_, rest)| rest.split(' ').next());
        let mark: u64 = mark.ok_or_else(|| format!("a socket said {text}"))?.parse()?;
        shared.events_read.set(shared.events_read.get() + 1);
        if mark >= shared.from.get() {
            delays.record(now.saturating_sub(mark))?;
        }
    }
}
