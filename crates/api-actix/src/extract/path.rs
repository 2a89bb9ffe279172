//! Path parameters.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};
use domain::{SessionId, TodoId};
use uuid::Uuid;

use crate::error::Problem;
use crate::route_table::RouteTable;

/// The `{id}` of a todo. If it is not a UUID, no such todo exists.
#[derive(Clone, Copy, Debug)]
pub struct TodoPath(pub TodoId);

/// Parses a UUID in the form of RFC 9562 section 4, in upper or lower case.
#[must_use]
pub fn uuid(text: &str) -> Option<Uuid> {
    if text.len() == 36 { Uuid::try_parse(text).ok() } else { None }
}

impl FromRequest for TodoPath {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let id = request.match_info().get("id").and_then(uuid);
        ready(id.map(|id| Self(TodoId(id))).ok_or_else(|| unless_fixed(request, Problem::todo_not_found())))
    }
}

/// 405 if the path is a route without parameters, else `problem`. `GET /todos/bulk` ends up at
/// `/todos/{id}`, because `/todos/bulk` has no GET.
fn unless_fixed(request: &HttpRequest, problem: Problem) -> Problem {
    fixed_path_methods(request).map_or(problem, Problem::wrong_method)
}

fn fixed_path_methods(request: &HttpRequest) -> Option<&'static str> {
    let table: &'static RouteTable = request.app_data::<&'static RouteTable>()?;
    table.fixed_path_methods(request.match_info().as_str())
}

/// The `{id}` of a device. If it is not a UUID, no such device exists.
#[derive(Clone, Copy, Debug)]
pub struct DevicePath(pub SessionId);

impl FromRequest for DevicePath {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let id = request.match_info().get("id").and_then(uuid);
        ready(id.map(|id| Self(SessionId(id))).ok_or_else(|| Problem::not_found("device")))
    }
}

/// The `{provider}` of a path: any text, not necessarily the name of a provider.
#[derive(Clone, Debug)]
pub struct ProviderPath(pub String);

impl FromRequest for ProviderPath {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let name = request.match_info().get("provider").unwrap_or_default();
        ready(match fixed_path_methods(request) {
            Some(methods) => Err(Problem::wrong_method(methods)),
            None => Ok(Self(name.to_owned())),
        })
    }
}
