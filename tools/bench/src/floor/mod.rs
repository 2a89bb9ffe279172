//! The baselines, called *floor* in the tables: actix handlers that verify the token as the server
//! does, run the same single query and write the same JSON, without layers, checks, logs, clocks or
//! events.
//!
//! A baseline runs as a separate process (`bench floor-postgres`, `bench floor-sqlite`), so that
//! its processor time is not mixed with that of the load.

mod json;
pub mod postgres;
pub mod sqlite;

use std::io;

use actix_web::error::{ErrorConflict, ErrorInternalServerError, ErrorNotFound, ErrorUnauthorized};
use actix_web::{App, Error, FromRequest, HttpRequest, HttpResponse, HttpServer, dev, web};
use adapters_auth::{JwtAccessTokens, KeyRing, SystemClock, SystemSecrets};
use domain::Stamp;
use domain::secret::SecretSource as _;
use domain::session::AccessTokens as _;
use domain::time::Clock as _;
use serde::Deserialize;
use uuid::Uuid;

use crate::Result;
use crate::dataset::{SECRET, TOKEN_ISSUER};

pub use json::Todo;

/// The body of a patch.
#[derive(Deserialize)]
struct Patch {
    text: String,
    version: i64,
}

/// The body of a creation.
#[derive(Deserialize)]
struct Creation {
    text: String,
}

/// The queries of a baseline.
pub trait Floor: Send + Sync + 'static {
    /// Reads one todo.
    async fn get(&self, user: Uuid, id: Uuid) -> Result<Option<Todo>>;
    /// Reads the [`PAGE`] newest todos.
    async fn list(&self, user: Uuid) -> Result<Vec<Todo>>;
    /// Changes the text of a todo if it has this version, and returns the todo.
    async fn patch(
        &self,
        user: Uuid,
        id: Uuid,
        text: String,
        version: i64,
        now: Stamp,
    ) -> Result<Option<Todo>>;
    /// Inserts a todo.
    async fn create(&self, user: Uuid, id: Uuid, text: String, now: Stamp) -> Result<Todo>;
}

/// The number of todos in a list.
pub const PAGE: i64 = 50;

/// The user that the request's token names.
struct Caller(Uuid);

impl FromRequest for Caller {
    type Error = Error;
    type Future = std::future::Ready<std::result::Result<Self, Error>>;

    fn from_request(request: &HttpRequest, _: &mut dev::Payload) -> Self::Future {
        let tokens = request.app_data::<web::Data<JwtAccessTokens>>();
        let header = request.headers().get("authorization").and_then(|value| value.to_str().ok());
        let verified = header
            .and_then(|header| header.strip_prefix("Bearer "))
            .and_then(|token| tokens?.verify(token, SystemClock.now()).ok());
        std::future::ready(
            verified.map(|token| Self(token.user.0)).ok_or_else(|| ErrorUnauthorized("unauthorized")),
        )
    }
}

/// Serves until the process is killed.
pub async fn serve<F: Floor>(floor: F, port: u16) -> Result<()> {
    let floor = web::Data::new(floor);
    let tokens = web::Data::new(JwtAccessTokens::new(
        &KeyRing::parse(&SECRET.into())?,
        &[],
        TOKEN_ISSUER,
        TOKEN_ISSUER,
    ));
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    let server = HttpServer::new(move || {
        App::new()
            .app_data(floor.clone())
            .app_data(tokens.clone())
            .route("/health/ready", web::get().to(HttpResponse::Ok))
            .route("/api/v1/todos", web::get().to(list::<F>))
            .route("/api/v1/todos", web::post().to(create::<F>))
            .route("/api/v1/todos/{id}", web::get().to(get::<F>))
            .route("/api/v1/todos/{id}", web::patch().to(patch::<F>))
    });
    server.workers(workers).bind(("127.0.0.1", port))?.run().await.map_err(io::Error::into)
}

async fn get<F: Floor>(
    caller: Caller,
    id: web::Path<Uuid>,
    floor: web::Data<F>,
) -> actix_web::Result<HttpResponse> {
    let todo = floor.get(caller.0, *id).await.map_err(ErrorInternalServerError)?;
    Ok(HttpResponse::Ok().json(todo.ok_or_else(|| ErrorNotFound("not found"))?))
}

async fn list<F: Floor>(caller: Caller, floor: web::Data<F>) -> actix_web::Result<HttpResponse> {
    let todos = floor.list(caller.0).await.map_err(ErrorInternalServerError)?;
    Ok(HttpResponse::Ok().json(todos))
}

async fn patch<F: Floor>(
    caller: Caller,
    id: web::Path<Uuid>,
    change: web::Json<Patch>,
    floor: web::Data<F>,
) -> actix_web::Result<HttpResponse> {
    let Patch { text, version } = change.into_inner();
    let todo = floor.patch(caller.0, *id, text, version, SystemClock.now()).await;
    let todo = todo.map_err(ErrorInternalServerError)?;
    Ok(HttpResponse::Ok().json(todo.ok_or_else(|| ErrorConflict("conflict"))?))
}

async fn create<F: Floor>(
    caller: Caller,
    todo: web::Json<Creation>,
    floor: web::Data<F>,
) -> actix_web::Result<HttpResponse> {
    let todo = floor.create(caller.0, SystemSecrets.uuid(), todo.into_inner().text, SystemClock.now()).await;
    Ok(HttpResponse::Created().json(todo.map_err(ErrorInternalServerError)?))
}
