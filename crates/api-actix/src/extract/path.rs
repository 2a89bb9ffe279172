//! Ids in paths.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};
use domain::TodoId;
use uuid::Uuid;

use crate::error::Problem;
use crate::routes;

/// The `{id}` of a todo's path. What is no UUID names no todo.
#[derive(Clone, Copy, Debug)]
pub struct TodoPath(pub TodoId);

/// A UUID in the form of RFC 9562 section 4, in either case.
#[must_use]
pub fn uuid(text: &str) -> Option<Uuid> {
    if text.len() == 36 { Uuid::try_parse(text).ok() } else { None }
}

impl FromRequest for TodoPath {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let id = request.match_info().get("id").and_then(uuid);
        ready(id.map(|id| Self(TodoId(id))).ok_or_else(|| {
            // `/todos/bulk` has the form of `/todos/{id}`; where it lacks the method, the answer is 405.
            routes::fixed_path_methods(request.path())
                .map_or_else(Problem::todo_not_found, Problem::wrong_method)
        }))
    }
}
