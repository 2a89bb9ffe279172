//! Everything stored about the caller, as one document.

mod records;

use std::collections::HashSet;

use actix_web::http::header::{CONTENT_DISPOSITION, ContentType};
use actix_web::web::Bytes;
use actix_web::{HttpResponse, get, web};
use domain::session::{Principal, Scope};
use domain::todo::Changes;
use domain::{Stamp, StoreError, TodoId};
use futures_util::stream::try_unfold;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::Api;
use crate::error::{Answer, Problem, tell};
use crate::extract::Caller;
use crate::turns::{Heavy, Turn};

use records::{Export, ExportedTodo, head};

/// Todos read at once. The largest have some 80 KB each, read and written: that many are 4 MB in memory.
const PAGE: u32 = 50;

pub(super) fn configure(config: &mut ServiceConfig<'_>) {
    config.service(export_me);
}

/// Export the own account
///
/// Everything stored about the user, as one document. It is written while it is read: a failure in the middle breaks the connection, and
/// so does the end of the session. A user has one at a time: others are refused until it is read.
#[utoipa::path(
    operation_id = "exportMe",
    tag = "Users",
    security(("bearer" = [])),
    responses((status = 200, description = "The document.", body = Export, headers(
        ("Content-Disposition" = String, description = "A name for the file.")
    )))
)]
#[get("/users/me/export")]
async fn export_me(api: web::Data<Api>, caller: Caller) -> Answer {
    let user = caller.may(Scope::Account)?;
    let turn = api.turns.at_once(user, Heavy::Export)?;
    let records = api.accounts.records(user).await?.ok_or_else(Problem::account_gone)?;
    let head = head(&records, api.clock.now());
    Ok(HttpResponse::Ok()
        .insert_header(ContentType::json())
        .insert_header((CONTENT_DISPOSITION, r#"attachment; filename="todos.json""#))
        .streaming(try_unfold(
            Document { api, caller: caller.0, _turn: turn, written: Written::Nothing(head) },
            Document::next,
        )))
}

/// How far the document is written.
enum Written {
    Nothing(Vec<u8>),
    /// These todos, up to this stamp. One that changes meanwhile comes by again with a later stamp. It is known by its id, 16 bytes for
    /// each: a snapshot of the database held open for as long as a client takes to read would cost everybody.
    UpTo(Option<Stamp>, HashSet<TodoId>),
    All,
}

/// A document that is being written.
struct Document {
    api: web::Data<Api>,
    caller: Principal,
    /// As long as it lasts, the user's next export is refused.
    _turn: Turn,
    written: Written,
}

/// The document ends before it is whole. Why is told in the log; the client finds its connection broken.
#[derive(Debug, thiserror::Error)]
#[error("the export was broken off")]
struct BrokenOff;

impl Document {
    /// The next part. A client may take as long as it likes to come for it, and its session may be over by then.
    async fn next(mut self) -> Result<Option<(Bytes, Self)>, BrokenOff> {
        if let Err(reason) = self.api.sessions.still_stands(&self.caller) {
            tracing::info!(?reason, "an export was broken off, as its caller is not let in any more");
            return Err(BrokenOff);
        }
        let (since, mut ids) = match self.written {
            Written::Nothing(head) => {
                self.written = Written::UpTo(None, HashSet::new());
                return Ok(Some((head.into(), self)));
            }
            Written::UpTo(since, ids) => (since, ids),
            Written::All => return Ok(None),
        };
        let read = self.api.store.changes(self.caller.user, since, PAGE).await;
        let changes = read.and_then(|changes| changes.ok_or_else(gone)).map_err(|error| {
            tell(&error);
            BrokenOff
        })?;
        let bytes = part(&changes, &mut ids);
        self.written =
            if changes.has_more { Written::UpTo(Some(changes.complete_to()), ids) } else { Written::All };
        Ok(Some((bytes.into(), self)))
    }
}

fn gone() -> StoreError {
    StoreError::Unavailable("the account went away while it was exported".to_owned())
}

/// The todos among `changes` that are not written yet.
fn part(changes: &Changes, written: &mut HashSet<TodoId>) -> Vec<u8> {
    let mut bytes = Vec::new();
    for todo in &changes.todos {
        let is_first = written.is_empty();
        if !written.insert(todo.id()) {
            continue;
        }
        if !is_first {
            bytes.push(b',');
        }
        // Fails for nothing that a todo holds.
        drop(serde_json::to_writer(&mut bytes, &ExportedTodo::from(todo)));
    }
    if !changes.has_more {
        bytes.extend_from_slice(b"]}");
    }
    bytes
}
