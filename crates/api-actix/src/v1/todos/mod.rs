//! `/api/v1/todos`.

mod bulk;
pub mod dto;
mod input;
mod list;
mod single;
mod sync;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, ETAG, HeaderValue, TryIntoHeaderValue as _};
use domain::code::ErrorCode;
use domain::todo::{Outcome, Rejection, Todo};
use utoipa_actix_web::service_config::ServiceConfig;

pub(crate) use list::parameter_schemas;

use super::json;
use crate::error::Problem;
use crate::extract::{Checks, Fault, tag};

/// Fixed paths come before `/todos/{id}`, which has their form.
pub(super) fn configure(config: &mut ServiceConfig<'_>) {
    list::configure(config);
    bulk::configure(config);
    sync::configure(config);
    single::configure(config);
}

/// A single todo, which a client may keep and has to ask about before it uses it again.
fn one(status: StatusCode, todo: &Todo) -> HttpResponse {
    let mut response = json(status, &dto::Todo::from(todo));
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    if let Ok(tag) = tag(todo.version()).try_into_value() {
        headers.insert(ETAG, tag);
    }
    response
}

/// The todo as an accepted change left it (`None`: a deletion of one that never was), or why the change was not accepted. `conflict` is the
/// code of a change made against another version.
pub(crate) fn settled(outcome: Option<Outcome>, conflict: ErrorCode) -> Result<Option<Todo>, Problem> {
    match outcome.ok_or_else(Problem::account_gone)? {
        Outcome::Applied { todo, .. } => Ok(Some(todo)),
        Outcome::Unchanged { todo, .. } => Ok(todo),
        Outcome::Conflict(found) => Err(dto::conflict_problem(&found, conflict)),
        Outcome::NotFound => Err(Problem::todo_not_found()),
        Outcome::IdInUse => Err(id_in_use().on("id")),
        Outcome::Rejected(Rejection::Quota { limit }) => Err(Problem::new(
            ErrorCode::QuotaReached,
            format!("The account has the {limit} todos that it may have"),
        )
        .with("max", limit)),
        Outcome::Rejected(rejection) => Err(rejected(rejection).into()),
    }
}

fn id_in_use() -> Fault {
    Fault::of(ErrorCode::IdInUse, "is in use already, with other content")
}

/// What is wrong with an item of a batch, by the member that it is wrong with. No member of the item is to blame for a quota, but
/// the list that it stands in.
fn rejected(rejection: Rejection) -> Checks {
    match rejection {
        Rejection::Quota { limit } => {
            let message = format!("would bring the account over the {limit} todos that it may have");
            Checks::of("todos", &Fault::of(ErrorCode::QuotaReached, message).with("max", limit))
        }
        Rejection::TitleRequired => {
            Checks::of("text", &Fault::of(ErrorCode::FieldRequired, "is required to create a todo"))
        }
        Rejection::UpdatedAtRequired => Checks::of(
            "updated_at",
            &Fault::of(ErrorCode::FieldRequired, "is required under last_write_wins"),
        ),
    }
}
