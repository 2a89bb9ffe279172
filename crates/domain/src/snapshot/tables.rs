//! The tables and columns that every store has.

/// What a column holds, and how a [`Row`](super::Row) writes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A UUID: 32 lower-case hexadecimal digits.
    Id,
    /// An instant: microseconds since 1970-01-01 UTC.
    Time,
    /// A Boolean: `0` or `1`.
    Flag,
    /// A whole number, in decimal.
    Number,
    /// A text, as it is.
    Text,
    /// Bytes: lower-case hexadecimal digits.
    Bytes,
}

/// A column, and how its values are written as text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column {
    pub name: &'static str,
    pub kind: Kind,
}

/// A table, with the columns that every store has.
#[derive(Debug, PartialEq, Eq)]
pub struct Table {
    pub name: &'static str,
    pub columns: &'static [Column],
}

impl Table {
    /// The position of a column in a row.
    #[must_use]
    pub fn position(&self, column: &str) -> Option<usize> {
        self.columns.iter().position(|known| known.name == column)
    }
}

macro_rules! tables {
    ($($table:ident { $($kind:ident: $($column:ident)+;)+ })+) => {
        /// Every table, so that a row comes after the rows that it refers to.
        pub static TABLES: &[Table] = &[$(Table {
            name: stringify!($table),
            columns: &[$($(Column { name: stringify!($column), kind: Kind::$kind }),+),+],
        }),+];
    };
}

tables! {
    epochs {
        Number: ordinal;
        Text: epoch;
        Time: begun_at;
    }
    users {
        Id: id;
        Text: email email_key password_hash display_name;
        Flag: email_verified is_active;
        Time: created_at updated_at last_login_at email_changed_at password_reset_at sync_clock sync_horizon deleted_at;
        Number: live_todos tombstones stored_bytes digest epoch_ordinal epoch_counter;
        Text: partings;
    }
    todos {
        Id: user_id id;
        Number: number version title_version description_version completed_version deleted_version;
        Time: created_at updated_at completed_at deleted_at;
        Text: client_id title title_folded description description_folded metadata metadata_versions;
    }
    // One row: the number of the next todo.
    todo_numbers {
        Number: next;
    }
    sessions {
        Id: id user_id;
        Text: client_id user_agent ip;
        Time: created_at last_used_at expires_at access_until late_repeat_at trusted_from revoked_at;
        Text: revoke_reason;
    }
    refresh_tokens {
        Id: id session_id user_id;
        Bytes: token_hash;
        Number: generation;
        Time: issued_at expires_at replaced_at;
        Id: replaced_by;
        Flag: located;
    }
    // In the order in which they were committed.
    revoked_tokens {
        Id: jti session_id user_id;
        Text: reason;
        Time: revoked_at expires_at;
    }
    external_identities {
        Text: provider subject;
        Id: user_id;
        Text: email key_id;
        Bytes: access_token refresh_token;
        Time: created_at;
    }
    one_time_tokens {
        Id: id;
        Text: kind;
        Bytes: token_hash;
        Id: user_id;
        Text: payload;
        Time: expires_at used_at;
    }
    mail_outbox {
        Id: id user_id;
        Text: to name template;
        Id: token_id;
        Number: attempts;
        Time: next_attempt_at sent_at given_up_at;
        Text: last_error providers;
    }
}
