//! The API on a port of its own.

use std::net::SocketAddr;
use std::ops::Deref;
use std::time::Duration;

use actix_web::HttpServer;
use actix_web::dev::ServerHandle;
use api_actix::app;
use domain::account::AccountStore as _;
use domain::session::Grant;
use domain::todo::Change;
use domain::{SessionId, Stamp, TokenId, UserId};
use domain_testkit::build::{T0, create, new_user, todo_id, uuid};

use super::client::Socket;
use crate::harness::{Setup, TestApi, sign};

/// A running server; it stops when dropped.
pub struct Server {
    api: TestApi,
    pub address: SocketAddr,
    handle: ServerHandle,
}

impl Deref for Server {
    type Target = TestApi;

    fn deref(&self) -> &TestApi {
        &self.api
    }
}

impl Server {
    pub fn start() -> Self {
        Self::with(Setup::default())
    }

    pub fn with(setup: Setup) -> Self {
        let api = TestApi::with(setup);
        let shared = api.api.clone();
        let server = HttpServer::new(move || app(&shared)).workers(2).disable_signals();
        let server = server.bind(("127.0.0.1", 0)).expect("a free port");
        let address = server.addrs()[0];
        let server = server.run();
        let handle = server.handle();
        actix_web::rt::spawn(server);
        Self { api, address, handle }
    }

    /// A new user without todos.
    pub async fn user(&self) -> User {
        let user = new_user();
        let id = user.id;
        self.store.register(user, None, T0).await.expect("register answers");
        User { id, session: SessionId(uuid()), token: TokenId(uuid()) }
    }

    /// Opens a socket of `user`.
    pub async fn open(&self, user: &User, query: &str) -> Socket {
        Socket::open(self.address, &user.token(), query).await.expect("the socket opens")
    }

    /// Opens a socket of `user`, and returns the stamp of its `ready`.
    pub async fn live(&self, user: &User, query: &str) -> (Socket, String) {
        let mut socket = self.open(user, query).await;
        let ready = socket.next().await;
        assert_eq!(ready["type"], "ready", "{ready}");
        (socket, ready["sync_timestamp"].as_str().expect("a stamp").to_owned())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // The command is sent at once; its future ends only when the server has stopped.
        drop(self.handle.stop(false));
    }
}

/// A user with one session and one token of it.
#[derive(Clone)]
pub struct User {
    pub id: UserId,
    pub session: SessionId,
    pub token: TokenId,
}

impl User {
    /// A token that is valid for an hour.
    pub fn token(&self) -> String {
        self.token_until(T0.plus(Duration::from_hours(1)))
    }

    pub fn token_until(&self, expires_at: Stamp) -> String {
        let Self { id, session, token } = self.clone();
        sign(&Grant { token, user: id, email: None, session, issued_at: T0, expires_at })
    }

    /// The same user on another device.
    pub fn elsewhere(&self) -> Self {
        Self { session: SessionId(uuid()), token: TokenId(uuid()), ..self.clone() }
    }
}

/// Creates `count` todos.
pub fn creations(count: usize) -> Vec<Change> {
    (0..count).map(|n| create(todo_id(), &format!("todo {n}"))).collect()
}
