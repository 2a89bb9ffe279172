//! Everything stored about the caller, as one document.

use std::collections::HashSet;
use std::net::IpAddr;

use actix_web::http::header::{CONTENT_DISPOSITION, ContentType};
use actix_web::web::Bytes;
use actix_web::{HttpResponse, get, web};
use domain::account::{AccountRecords, IdentityRecord, MailRecord};
use domain::session::{Principal, Scope, Session};
use domain::todo::Changes;
use domain::{Stamp, StoreError, TodoId, text, todo};
use futures_util::stream::try_unfold;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;

use super::todos::dto::Todo;
use super::users::Profile;
use crate::Api;
use crate::error::{Answer, Problem, tell};
use crate::extract::Caller;
use crate::moment::Moment;
use crate::turns::{Heavy, Turn};

/// Todos read at once. The largest have some 80 KB each, read and written: that many are 4 MB in memory.
const PAGE: u32 = 50;

pub(super) fn configure(config: &mut ServiceConfig<'_>) {
    config.service(export_me);
}

/// Everything stored about a user, but for secrets and their hashes. It is written in parts.
#[derive(Serialize, ToSchema)]
struct Export<'a> {
    #[serde(flatten)]
    records: Records<'a>,
    /// Every todo, tombstones too, in the order of their last changes; each once, as it was when its part of the document was written.
    todos: Vec<ExportedTodo<'a>>,
}

/// The part of it that is no todo.
#[derive(Debug, Serialize, ToSchema)]
struct Records<'a> {
    /// When the document was begun.
    #[schema(value_type = String, format = DateTime, example = "2026-01-09T10:15:00.000000Z")]
    exported_at: Moment,
    /// The account.
    user: Profile<'a>,
    /// Every session that is kept, ended ones too.
    sessions: Vec<ExportedSession<'a>>,
    /// The providers and issuers that know the user.
    identities: Vec<ExportedIdentity<'a>>,
    /// The mails that are kept.
    mails: Vec<ExportedMail<'a>>,
}

/// A session.
#[derive(Debug, Serialize, ToSchema)]
struct ExportedSession<'a> {
    /// Its id.
    id: Uuid,
    /// The name its device gives itself.
    #[schema(required = true)]
    client_id: Option<&'a str>,
    /// Its `User-Agent`.
    #[schema(required = true)]
    user_agent: Option<&'a str>,
    /// The address it was last seen at.
    #[schema(required = true, value_type = Option<String>)]
    ip: Option<IpAddr>,
    /// When it was opened.
    #[schema(value_type = String, format = DateTime)]
    created_at: Moment,
    /// When it was last refreshed.
    #[schema(value_type = String, format = DateTime)]
    last_used_at: Moment,
    /// When it ends if it is not refreshed.
    #[schema(value_type = String, format = DateTime)]
    expires_at: Moment,
    /// When it was ended.
    #[schema(required = true, value_type = Option<String>, format = DateTime)]
    ended_at: Option<Moment>,
    /// Why it was ended.
    #[schema(required = true, example = "logout")]
    end_reason: Option<&'static str>,
}

impl<'a> From<&'a Session> for ExportedSession<'a> {
    fn from(session: &'a Session) -> Self {
        Self {
            id: session.id.0,
            client_id: session.device.client_id.as_ref().map(text::ClientId::as_str),
            user_agent: session.device.user_agent.as_deref(),
            ip: session.device.ip,
            created_at: Moment(session.created_at),
            last_used_at: Moment(session.last_used_at),
            expires_at: Moment(session.expires_at),
            ended_at: session.ended.map(|(at, _)| Moment(at)),
            end_reason: session.ended.map(|(_, reason)| reason.as_str()),
        }
    }
}

/// An identity.
#[derive(Debug, Serialize, ToSchema)]
struct ExportedIdentity<'a> {
    /// The provider or issuer.
    provider: &'a str,
    /// The user's id there.
    subject: &'a str,
    /// The address it gave.
    #[schema(required = true)]
    email: Option<&'a str>,
    /// Since when it is known.
    #[schema(value_type = String, format = DateTime)]
    created_at: Moment,
}

impl<'a> From<&'a IdentityRecord> for ExportedIdentity<'a> {
    fn from(identity: &'a IdentityRecord) -> Self {
        Self {
            provider: &identity.provider,
            subject: &identity.subject,
            email: identity.email.as_deref(),
            created_at: Moment(identity.created_at),
        }
    }
}

/// A mail.
#[derive(Debug, Serialize, ToSchema)]
struct ExportedMail<'a> {
    /// What it said.
    #[schema(example = "verify_email")]
    template: &'static str,
    /// To whom.
    to: &'a str,
    /// When it was sent, if it was.
    #[schema(required = true, value_type = Option<String>, format = DateTime)]
    sent_at: Option<Moment>,
}

impl<'a> From<&'a MailRecord> for ExportedMail<'a> {
    fn from(mail: &'a MailRecord) -> Self {
        Self { template: mail.template.as_str(), to: &mail.to, sent_at: mail.sent_at.map(Moment) }
    }
}

/// A todo with its number.
#[derive(Debug, Serialize, ToSchema)]
struct ExportedTodo<'a> {
    #[serde(flatten)]
    todo: Todo<'a>,
    /// The number by which the task surface knows it.
    #[schema(minimum = 1)]
    number: i64,
}

impl<'a> From<&'a todo::Todo> for ExportedTodo<'a> {
    fn from(todo: &'a todo::Todo) -> Self {
        Self { todo: todo.into(), number: todo.number().0 }
    }
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

/// The document up to its todos.
fn head(records: &AccountRecords, now: Stamp) -> Vec<u8> {
    let mut providers: Vec<_> = records.identities.iter().map(|known| known.provider.clone()).collect();
    providers.sort_unstable();
    providers.dedup();
    let records = Records {
        exported_at: Moment(now),
        user: Profile::new(&records.user, providers),
        sessions: records.sessions.iter().map(ExportedSession::from).collect(),
        identities: records.identities.iter().map(ExportedIdentity::from).collect(),
        mails: records.mails.iter().map(ExportedMail::from).collect(),
    };
    let mut head = serde_json::to_vec(&records).unwrap_or_default();
    head.pop();
    head.extend_from_slice(br#","todos":["#);
    head
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
