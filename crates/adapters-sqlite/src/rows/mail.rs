//! Rows of `mail_outbox`.

use diesel::prelude::*;
use domain::account::{DisplayName, Email, OneTimeId};
use domain::mail::{NewMail, QueuedMail, Template};
use domain::{StoreError, UserId};

use super::Id;
use crate::schema::mail_outbox;

#[derive(Queryable, Selectable)]
#[diesel(table_name = mail_outbox)]
pub(crate) struct MailRow {
    pub id: Id,
    user_id: Option<Id>,
    recipient: String,
    name: Option<String>,
    template: String,
    token_id: Option<Id>,
    attempts: i64,
}

impl TryFrom<MailRow> for QueuedMail {
    type Error = StoreError;

    fn try_from(row: MailRow) -> Result<Self, StoreError> {
        let corrupt =
            |column, problem: &dyn ToString| StoreError::corrupt("mail_outbox", column, problem.to_string());
        let name = row.name.as_deref().map(DisplayName::parse).transpose();
        let attempts = row.attempts.try_into();
        Ok(Self {
            mail: NewMail {
                id: row.id.0,
                user: row.user_id.map(|id| UserId(id.0)),
                to: Email::parse(&row.recipient).map_err(|e| corrupt("to", &e))?,
                name: name.map_err(|e| corrupt("name", &e))?,
                template: template(&row.template)?,
                token: row.token_id.map(|id| OneTimeId(id.0)),
            },
            attempts: attempts.map_err(|_| corrupt("attempts", &"negative or too large"))?,
        })
    }
}

pub(crate) fn template(word: &str) -> Result<Template, StoreError> {
    Template::parse(word)
        .ok_or_else(|| StoreError::corrupt("mail_outbox", "template", "not a known template"))
}
