//! What the document holds.

use std::net::IpAddr;

use domain::account::{AccountRecords, IdentityRecord, MailRecord, OneTimeTokenRecord};
use domain::session::Session;
use domain::{Stamp, text, todo};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::super::users::Profile;
use crate::moment::Moment;
use crate::wire::Todo;

/// Everything stored about a user, but for secrets and their hashes. It is written in parts.
#[derive(Serialize, ToSchema)]
pub struct Export<'a> {
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
    /// The one-time tokens that are kept: of mails, and of logins with a provider.
    one_time_tokens: Vec<ExportedOneTime>,
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

/// A one-time token.
#[derive(Debug, Serialize, ToSchema)]
struct ExportedOneTime {
    /// What it is good for.
    #[schema(example = "verify_email")]
    purpose: &'static str,
    /// Until when.
    #[schema(value_type = String, format = DateTime)]
    expires_at: Moment,
    /// Whether it was used, or replaced by another.
    used: bool,
}

impl From<&OneTimeTokenRecord> for ExportedOneTime {
    fn from(token: &OneTimeTokenRecord) -> Self {
        Self { purpose: token.purpose.as_str(), expires_at: Moment(token.expires_at), used: token.used }
    }
}

/// A todo with its number.
#[derive(Debug, Serialize, ToSchema)]
pub struct ExportedTodo<'a> {
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

/// The document up to its todos.
pub fn head(records: &AccountRecords, now: Stamp) -> Vec<u8> {
    let mut providers: Vec<_> = records.identities.iter().map(|known| known.provider.clone()).collect();
    providers.sort_unstable();
    providers.dedup();
    let records = Records {
        exported_at: Moment(now),
        user: Profile::new(&records.user, providers),
        sessions: records.sessions.iter().map(ExportedSession::from).collect(),
        identities: records.identities.iter().map(ExportedIdentity::from).collect(),
        mails: records.mails.iter().map(ExportedMail::from).collect(),
        one_time_tokens: records.one_time_tokens.iter().map(ExportedOneTime::from).collect(),
    };
    let mut head = serde_json::to_vec(&records).unwrap_or_default();
    head.pop();
    head.extend_from_slice(br#","todos":["#);
    head
}
