//! What stands between this server and an issuer's keys: counts, and fails as it is told to.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use blackbox_tests::{Database, Server};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use super::issuer::BetterAuth;

/// How the endpoint answers.
#[derive(Clone, Debug)]
pub enum Mood {
    /// With what the issuer says.
    Good,
    /// With a connection that is closed at once.
    Down,
    /// After this time, with what the issuer says.
    Slow(Duration),
    /// With this status and body.
    Says(&'static str, String),
}

/// The keys endpoint of an issuer, behind a proxy.
pub struct Endpoint {
    /// Its port.
    pub port: u16,
    url: String,
    mood: watch::Sender<Mood>,
    asked: Arc<AtomicUsize>,
}

impl Endpoint {
    /// In front of this issuer, in a good mood.
    pub async fn of(issuer: &BetterAuth) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let url = format!("http://127.0.0.1:{port}/keys");
        let (mood, moods) = watch::channel(Mood::Good);
        let asked = Arc::new(AtomicUsize::new(0));
        let (count, source) = (asked.clone(), format!("{}/api/auth/jwks", issuer.base_url));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::SeqCst);
                let mood = moods.borrow().clone();
                tokio::spawn(answer(stream, mood, source.clone()));
            }
        });
        Self { port, url, mood, asked }
    }

    /// A server that fetches the issuer's keys through it.
    pub async fn server(&self, database: Database, issuer: &BetterAuth) -> Server {
        let settings = [("BETTER_AUTH_URL", issuer.base_url.as_str()), ("BETTER_AUTH_JWKS_URL", &self.url)];
        Server::start_with(database, &settings).await
    }

    /// From now on it answers so.
    pub fn is(&self, mood: Mood) {
        self.mood.send_replace(mood);
    }

    /// How often it was asked so far.
    pub fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

async fn answer(mut stream: TcpStream, mood: Mood, source: String) {
    if matches!(mood, Mood::Down) {
        return;
    }
    let _ = stream.read(&mut [0; 4096]).await;
    if let Mood::Slow(time) = mood {
        tokio::time::sleep(time).await;
    }
    let (status, body) = match mood {
        Mood::Says(status, body) => (status, body),
        _ => ("200 OK", keys(&source).await),
    };
    let head = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
    let _ = stream.write_all((head + &body).as_bytes()).await;
}

async fn keys(source: &str) -> String {
    let http = reqwest::Client::builder().no_proxy().build().expect("a client");
    http.get(source).send().await.expect("Better Auth answers").text().await.expect("a body")
}
