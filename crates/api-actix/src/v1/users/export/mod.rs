//! `/api/v1/users/me/export`: everything stored about the caller, as one document.

mod records;

use std::io::{self, Write};

use actix_web::http::header::{CONTENT_DISPOSITION, ContentType};
use actix_web::web::Bytes;
use actix_web::{HttpResponse, get, web};
use domain::UserId;
use domain::account::{self, ExportError, ExportPart};
use domain::session::Scope;
use domain::todo::Todo;
use futures_util::stream::try_unfold;

use crate::error::{HandlerResult, Problem, log_store_error};
use crate::extract::Caller;
use crate::memory_budget::Reservation;
use crate::pace::STRETCH_BYTES;
use crate::per_user_gate::{HeavyWork, Permit};
use crate::state::State;

use records::{Export, ExportedTodo, head};

/// Export the account
///
/// Returns everything stored about the user, as one document. The server writes it while the client reads
/// it; an error or the end of the session breaks the connection. A user can have one export at a time.
#[utoipa::path(
    operation_id = "exportMe",
    tag = "Users",
    security(("bearer" = [])),
    responses((status = 200, description = "The document.", body = Export, headers(
        ("Content-Disposition" = String, description = "A file name.")
    )))
)]
#[get("/users/me/export")]
pub(super) async fn export_me(state: web::Data<State>, caller: Caller) -> HandlerResult {
    let user = caller.may(Scope::Account)?;
    let permit = state.per_user_gate.try_acquire(user, HeavyWork::Export)?;
    let export = state.accounts.export(&caller.0).await?.ok_or_else(Problem::account_gone)?;
    Ok(HttpResponse::Ok()
        .insert_header(ContentType::json())
        .insert_header((CONTENT_DISPOSITION, r#"attachment; filename="todos.json""#))
        .streaming(try_unfold(Document::new(state, user, export, permit), Document::next)))
}

/// A document in progress.
struct Document {
    export: account::Export,
    state: web::Data<State>,
    user: UserId,
    /// The memory of the part that the client is reading.
    memory: Option<Reservation>,
    /// Refuses the user's next export until it is dropped.
    _permit: Permit,
    /// Whether a todo has been written.
    has_todos: bool,
    /// Whether the document has been closed.
    closed: bool,
}

/// The document ends before it is complete. The log has the reason; the client sees a broken connection.
#[derive(Debug, thiserror::Error)]
#[error("the export was interrupted")]
struct Interrupted;

impl Document {
    const fn new(state: web::Data<State>, user: UserId, export: account::Export, permit: Permit) -> Self {
        Self { state, user, memory: None, export, _permit: permit, has_todos: false, closed: false }
    }

    /// The next part of the document, as the client reads it.
    async fn next(mut self) -> Result<Option<(Bytes, Self)>, Interrupted> {
        if self.closed {
            return Ok(None);
        }
        // The client has read the last part.
        self.memory = None;
        let memory = self.state.reserve_next_part(self.user).await;
        let mut memory = memory.map_err(|_| Interrupted)?;
        let bytes = match self.export.next().await.map_err(interrupted)? {
            Some(ExportPart::Account(records, started)) => head(&records, started),
            Some(ExportPart::Todos(todos)) => self.write(&todos).await,
            None => {
                self.closed = true;
                b"]}".to_vec()
            }
        };
        // Fails only if the part is larger than the memory for it, which then still counts.
        let _ = memory.resize(bytes.len());
        self.memory = Some(memory);
        Ok(Some((bytes.into(), self)))
    }

    async fn write(&mut self, todos: &[Todo]) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut yield_at = STRETCH_BYTES;
        for todo in todos {
            if self.has_todos {
                bytes.push(b',');
            }
            self.has_todos = true;
            // Every field of a todo can be serialised.
            drop(serde_json::to_writer(&mut bytes, &ExportedTodo::from(todo)));
            if bytes.len() > yield_at {
                yield_at = bytes.len() + STRETCH_BYTES;
                tokio::task::yield_now().await;
            }
        }
        bytes
    }
}

/// Writes the document of an export that an operator makes to `out`.
///
/// # Errors
/// The store or `out` failed; the document is incomplete.
pub async fn write_export(mut export: account::Export, out: &mut dyn Write) -> io::Result<()> {
    let store = |error: ExportError| match error {
        ExportError::Store(error) => io::Error::other(error),
        ExportError::Unauthorized(_) => io::Error::other("the session has ended"),
    };
    let mut has_todos = false;
    while let Some(part) = export.next().await.map_err(store)? {
        match part {
            ExportPart::Account(records, started) => out.write_all(&head(&records, started))?,
            ExportPart::Todos(todos) => {
                for todo in &todos {
                    if std::mem::replace(&mut has_todos, true) {
                        out.write_all(b",")?;
                    }
                    serde_json::to_writer(&mut *out, &ExportedTodo::from(todo))?;
                }
            }
        }
    }
    out.write_all(b"]}\n")?;
    out.flush()
}

fn interrupted(error: ExportError) -> Interrupted {
    match error {
        ExportError::Unauthorized(reason) => {
            tracing::info!(?reason, "an export was interrupted because its session has ended");
        }
        ExportError::Store(error) => log_store_error(&error),
    }
    Interrupted
}
