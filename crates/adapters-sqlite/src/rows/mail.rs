//! Rows of `mail_outbox`.

use diesel::prelude::*;
use domain::OneTimeTokenId;
use domain::mail::{NewMail, QueuedMail, Template};
use domain::user::Email;
use domain::{StoreError, UserId};

use super::Id;
use crate::schema::mail_outbox;

#[derive(Queryable, Selectable)]
#[diesel(table_name = mail_outbox)]
pub(crate) struct MailRow {
    pub id: Id,
    user_id: Option<Id>,
    recipient: String,
    template: String,
    token_id: Option<Id>,
    attempts: i64,
    providers: Option<String>,
}

impl TryFrom<MailRow> for QueuedMail {
    type Error = StoreError;

    fn try_from(row: MailRow) -> Result<Self, StoreError> {
        let corrupt = |column, problem| StoreError::corrupt("mail_outbox", column, problem);
        let attempts = row.attempts.try_into();
        Ok(Self {
            mail: NewMail {
                id: row.id.0,
                user: row.user_id.map(|id| UserId(id.0)),
                to: Email::from_stored(row.recipient),
                template: template(&row.template)?,
                token: row.token_id.map(|id| OneTimeTokenId(id.0)),
                providers: row.providers.iter().flat_map(|names| names.lines()).map(str::to_owned).collect(),
            },
            attempts: attempts.map_err(|_| corrupt("attempts", "negative or too large"))?,
        })
    }
}

pub(crate) fn template(word: &str) -> Result<Template, StoreError> {
    Template::parse(word)
        .ok_or_else(|| StoreError::corrupt("mail_outbox", "template", "not a known template"))
}
