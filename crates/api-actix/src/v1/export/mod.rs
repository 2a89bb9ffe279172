//! Everything stored about the caller, as one document.

mod records;

use actix_web::http::header::{CONTENT_DISPOSITION, ContentType};
use actix_web::web::Bytes;
use actix_web::{HttpResponse, get, web};
use domain::account::{self, ExportError, ExportPart};
use domain::session::Scope;
use domain::todo::Todo;
use futures_util::stream::try_unfold;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::Api;
use crate::error::{Answer, Problem, tell};
use crate::extract::Caller;
use crate::turns::{Heavy, Turn};

use records::{Export, ExportedTodo, head};

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
    let export = api.accounts.export(&caller.0).await?.ok_or_else(Problem::account_gone)?;
    Ok(HttpResponse::Ok()
        .insert_header(ContentType::json())
        .insert_header((CONTENT_DISPOSITION, r#"attachment; filename="todos.json""#))
        .streaming(try_unfold(Document::new(export, turn), Document::next)))
}

/// A document in progress.
struct Document {
    export: account::Export,
    /// Refuses the user's next export until it is dropped.
    _turn: Turn,
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
    const fn new(export: account::Export, turn: Turn) -> Self {
        Self { export, _turn: turn, has_todos: false, closed: false }
    }

    /// The next part of the document, as the client reads it.
    async fn next(mut self) -> Result<Option<(Bytes, Self)>, Interrupted> {
        if self.closed {
            return Ok(None);
        }
        let bytes = match self.export.next().await.map_err(interrupted)? {
            Some(ExportPart::Account(records, started)) => head(&records, started),
            Some(ExportPart::Todos(todos)) => self.write(&todos),
            None => {
                self.closed = true;
                b"]}".to_vec()
            }
        };
        Ok(Some((bytes.into(), self)))
    }

    fn write(&mut self, todos: &[Todo]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for todo in todos {
            if self.has_todos {
                bytes.push(b',');
            }
            self.has_todos = true;
            // Every field of a todo can be serialised.
            drop(serde_json::to_writer(&mut bytes, &ExportedTodo::from(todo)));
        }
        bytes
    }
}

fn interrupted(error: ExportError) -> Interrupted {
    match error {
        ExportError::Unauthorized(reason) => {
            tracing::info!(?reason, "an export was interrupted because its session has ended");
        }
        ExportError::Store(error) => tell(&error),
    }
    Interrupted
}
