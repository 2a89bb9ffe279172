//! Rows of `mail_outbox`.

use diesel::pg::data_types::PgTimestamp;
use diesel::prelude::{Queryable, Selectable};
use domain::OneTimeTokenId;
use domain::account::MailRecord;
use domain::mail::{NewMail, QueuedMail, Template};
use domain::user::Email;
use domain::{StoreError, UserId};
use uuid::Uuid;

use super::optional_stamp;
use crate::schema::mail_outbox;

#[derive(Queryable, Selectable)]
#[diesel(table_name = mail_outbox, check_for_backend(diesel::pg::Pg))]
pub(crate) struct MailRow {
    id: Uuid,
    user_id: Option<Uuid>,
    recipient: String,
    template: String,
    token_id: Option<Uuid>,
    attempts: i32,
    sent_at: Option<PgTimestamp>,
    providers: Option<String>,
}

fn corrupt(column: &'static str, problem: &dyn ToString) -> StoreError {
    StoreError::corrupt("mail_outbox", column, problem.to_string())
}

fn template(word: &str) -> Result<Template, StoreError> {
    Template::parse(word).ok_or_else(|| corrupt("template", &"not a template"))
}

impl TryFrom<MailRow> for QueuedMail {
    type Error = StoreError;

    fn try_from(row: MailRow) -> Result<Self, StoreError> {
        Ok(Self {
            mail: NewMail {
                id: row.id,
                user: row.user_id.map(UserId),
                to: Email::from_stored(row.recipient),
                template: template(&row.template)?,
                token: row.token_id.map(OneTimeTokenId),
                providers: row.providers.iter().flat_map(|names| names.lines()).map(str::to_owned).collect(),
            },
            attempts: u32::try_from(row.attempts).map_err(|_| corrupt("attempts", &"negative"))?,
        })
    }
}

impl TryFrom<MailRow> for MailRecord {
    type Error = StoreError;

    fn try_from(row: MailRow) -> Result<Self, StoreError> {
        Ok(Self {
            template: template(&row.template)?,
            to: row.recipient,
            sent_at: optional_stamp("mail_outbox", "sent_at", row.sent_at)?,
        })
    }
}
