//! A proxy in front of an issuer's keys that counts requests and fails on demand.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use blackbox_tests::{Database, Server};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use super::issuer::BetterAuth;

/// The behaviour of the endpoint.
#[derive(Clone, Debug)]
pub enum Behaviour {
    /// Forwards to the issuer.
    Forward,
    /// Closes the connection at once.
    Close,
    /// Forwards to the issuer after a delay.
    Delay(Duration),
    /// Answers with this status and body.
    Answer(&'static str, String),
}

/// The keys endpoint of an issuer, behind a proxy.
pub struct Endpoint {
    /// Its port.
    pub port: u16,
    url: String,
    behaviour: watch::Sender<Behaviour>,
    requests: Arc<AtomicUsize>,
}

impl Endpoint {
    /// Starts a proxy in front of `issuer`.
    pub async fn of(issuer: &BetterAuth) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let url = format!("http://127.0.0.1:{port}/keys");
        let (behaviour, behaviours) = watch::channel(Behaviour::Forward);
        let requests = Arc::new(AtomicUsize::new(0));
        let (count, source) = (requests.clone(), format!("{}/api/auth/jwks", issuer.base_url));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::SeqCst);
                let behaviour = behaviours.borrow().clone();
                tokio::spawn(answer(stream, behaviour, source.clone()));
            }
        });
        Self { port, url, behaviour, requests }
    }

    /// Starts a server that fetches the issuer's keys through the proxy.
    pub async fn server(&self, database: Database, issuer: &BetterAuth) -> Server {
        let settings = [("BETTER_AUTH_URL", issuer.base_url.as_str()), ("BETTER_AUTH_JWKS_URL", &self.url)];
        Server::start_with(database, &settings).await
    }

    /// Changes the behaviour.
    pub fn set(&self, behaviour: Behaviour) {
        self.behaviour.send_replace(behaviour);
    }

    /// The number of requests so far.
    pub fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }
}

async fn answer(mut stream: TcpStream, behaviour: Behaviour, source: String) {
    if matches!(behaviour, Behaviour::Close) {
        return;
    }
    let _ = stream.read(&mut [0; 4096]).await;
    if let Behaviour::Delay(time) = behaviour {
        tokio::time::sleep(time).await;
    }
    let (status, body) = match behaviour {
        Behaviour::Answer(status, body) => (status, body),
        _ => ("200 OK", keys(&source).await),
    };
    let head = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
    let _ = stream.write_all((head + &body).as_bytes()).await;
}

async fn keys(source: &str) -> String {
    let http = reqwest::Client::builder().no_proxy().build().expect("a client");
    http.get(source).send().await.expect("Better Auth answers").text().await.expect("a body")
}
