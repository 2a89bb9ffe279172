//! `/api/v1/todos`.

mod bulk;
mod input;
mod list;
mod single;
mod sync;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, ETAG, HeaderValue, TryIntoHeaderValue as _};
use domain::todo::Todo;
use utoipa_actix_web::service_config::ServiceConfig;

pub(crate) use list::parameter_schemas;

use super::json;
use crate::extract::tag;
use crate::wire;

/// Fixed paths come before `/todos/{id}`, which has their form.
pub(super) fn configure(config: &mut ServiceConfig<'_>) {
    list::configure(config);
    bulk::configure(config);
    sync::configure(config);
    single::configure(config);
}

/// A single todo, which a client may keep and has to ask about before it uses it again.
fn one(status: StatusCode, todo: &Todo) -> HttpResponse {
    let mut response = json(status, &wire::Todo::from(todo));
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    if let Ok(tag) = tag(todo.version()).try_into_value() {
        headers.insert(ETAG, tag);
    }
    response
}
