//! The content of an export.

use std::net::IpAddr;

use domain::account::{AccountRecords, IdentityRecord, MailRecord, OneTimeTokenRecord};
use domain::session::Session;
use domain::text::ClientId;
use domain::{Stamp, todo};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::super::me::Profile;
use crate::rfc3339::Rfc3339;
use crate::wire::Todo;

/// Everything stored about a user, except secrets and their hashes.
#[derive(Serialize, ToSchema)]
pub struct Export<'a> {
    #[serde(flatten)]
    records: Records<'a>,
    /// All todos including tombstones, in the order of their last changes. Each occurs once, as it was when
    /// the server wrote its part of the document.
    todos: Vec<ExportedTodo<'a>>,
}

/// The export without the todos.
#[derive(Debug, Serialize, ToSchema)]
struct Records<'a> {
    /// When the export started.
    #[schema(value_type = String, format = DateTime, example = "2026-01-09T10:15:00.000000Z")]
    exported_at: Rfc3339,
    /// The account.
    user: Profile<'a>,
    /// The stored sessions, including the newest 100 that have ended.
    sessions: Vec<ExportedSession<'a>>,
    /// The linked identities at providers and issuers.
    identities: Vec<ExportedIdentity<'a>>,
    /// All stored emails.
    mails: Vec<ExportedMail<'a>>,
    /// All stored one-time tokens: those in emails, and those of logins with a provider.
    one_time_tokens: Vec<ExportedOneTime>,
}

/// A session.
#[derive(Debug, Serialize, ToSchema)]
struct ExportedSession<'a> {
    /// The session's id.
    id: Uuid,
    /// The name of the device.
    #[schema(required = true)]
    client_id: Option<&'a str>,
    /// The `User-Agent` of the device.
    #[schema(required = true)]
    user_agent: Option<&'a str>,
    /// The last IP address of the device.
    #[schema(required = true, value_type = Option<String>)]
    ip: Option<IpAddr>,
    /// The time of the login.
    #[schema(value_type = String, format = DateTime)]
    created_at: Rfc3339,
    /// The time of the last refresh.
    #[schema(value_type = String, format = DateTime)]
    last_used_at: Rfc3339,
    /// When the session ends without a refresh.
    #[schema(value_type = String, format = DateTime)]
    expires_at: Rfc3339,
    /// When the session ended.
    #[schema(required = true, value_type = Option<String>, format = DateTime)]
    ended_at: Option<Rfc3339>,
    /// Why the session ended.
    #[schema(required = true, example = "logout")]
    end_reason: Option<&'static str>,
}

impl<'a> From<&'a Session> for ExportedSession<'a> {
    fn from(session: &'a Session) -> Self {
        Self {
            id: session.id.0,
            client_id: session.device.client_id.as_ref().map(ClientId::as_str),
            user_agent: session.device.user_agent.as_deref(),
            ip: session.device.ip,
            created_at: Rfc3339(session.created_at),
            last_used_at: Rfc3339(session.last_used_at),
            expires_at: Rfc3339(session.expires_at),
            ended_at: session.ended.map(|(at, _)| Rfc3339(at)),
            end_reason: session.ended.map(|(_, reason)| reason.as_str()),
        }
    }
}

/// A linked identity.
#[derive(Debug, Serialize, ToSchema)]
struct ExportedIdentity<'a> {
    /// The name of the provider or issuer.
    provider: &'a str,
    /// The user's id at the provider or issuer.
    subject: &'a str,
    /// The email address that the provider or issuer stated.
    #[schema(required = true)]
    email: Option<&'a str>,
    /// When the identity was linked.
    #[schema(value_type = String, format = DateTime)]
    created_at: Rfc3339,
}

impl<'a> From<&'a IdentityRecord> for ExportedIdentity<'a> {
    fn from(identity: &'a IdentityRecord) -> Self {
        Self {
            provider: &identity.provider,
            subject: &identity.subject,
            email: identity.email.as_deref(),
            created_at: Rfc3339(identity.created_at),
        }
    }
}

/// An email.
#[derive(Debug, Serialize, ToSchema)]
struct ExportedMail<'a> {
    /// The kind of mail.
    #[schema(example = "verify_email")]
    template: &'static str,
    /// The recipient.
    to: &'a str,
    /// When the email was sent.
    #[schema(required = true, value_type = Option<String>, format = DateTime)]
    sent_at: Option<Rfc3339>,
}

impl<'a> From<&'a MailRecord> for ExportedMail<'a> {
    fn from(mail: &'a MailRecord) -> Self {
        Self { template: mail.template.as_str(), to: &mail.to, sent_at: mail.sent_at.map(Rfc3339) }
    }
}

/// A one-time token.
#[derive(Debug, Serialize, ToSchema)]
struct ExportedOneTime {
    /// The purpose of the token.
    #[schema(example = "verify_email")]
    purpose: &'static str,
    /// When the token expires.
    #[schema(value_type = String, format = DateTime)]
    expires_at: Rfc3339,
    /// Whether the token was used or replaced by another.
    used: bool,
}

impl From<&OneTimeTokenRecord> for ExportedOneTime {
    fn from(token: &OneTimeTokenRecord) -> Self {
        Self { purpose: token.purpose.as_str(), expires_at: Rfc3339(token.expires_at), used: token.used }
    }
}

/// A todo with its task id.
#[derive(Debug, Serialize, ToSchema)]
pub struct ExportedTodo<'a> {
    #[serde(flatten)]
    todo: Todo<'a>,
    /// The todo's id in the task contracts.
    #[schema(minimum = 1)]
    number: i64,
}

impl<'a> From<&'a todo::Todo> for ExportedTodo<'a> {
    fn from(todo: &'a todo::Todo) -> Self {
        Self { todo: todo.into(), number: todo.number().0 }
    }
}

/// The beginning of the document, up to the first todo.
pub fn head(records: &AccountRecords, now: Stamp) -> Vec<u8> {
    let mut providers: Vec<_> = records.identities.iter().map(|known| known.provider.clone()).collect();
    providers.sort_unstable();
    providers.dedup();
    let records = Records {
        exported_at: Rfc3339(now),
        user: Profile::new(&records.user, records.user.password.is_some(), providers),
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
