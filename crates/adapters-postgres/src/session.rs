//! What the server needs of a database session, whatever the defaults of the server, database and role are.
//!
//! Behind a pooler, each transaction may run in another session, so nothing is set for a session. A transaction
//! sets what it needs [for itself](local). A statement outside a transaction needs only what [`unsuitable`]
//! looks for; the client cancels it at its deadline. A direct connection asks for [some settings](options) when
//! it is opened; they save time, and no answer depends on them.

use std::time::Duration;

use diesel::sql_types::Text;

use crate::sql::Sql;

/// The time limits of the statements of a transaction. Zero is none.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// For a statement, and for the pause before the next one.
    pub statement: Duration,
    /// For a lock.
    pub lock: Duration,
}

impl Limits {
    pub(crate) const NONE: Self = Self::statement(Duration::ZERO);

    pub(crate) const fn statement(limit: Duration) -> Self {
        Self { statement: limit, lock: Duration::ZERO }
    }
}

/// Appends an expression, without a meaningful value, that sets what a transaction needs until it ends:
/// - `limits`, and no other
/// - a commit that is answered after the flush to disk (the stricter `remote_apply` stays)
/// - generic plans: a statement is planned once per session, because planning a list costs more than running it.
pub(crate) fn local<Row>(statement: Sql<'_, Row>, limits: Limits) -> Sql<'_, Row> {
    let statement_limit = milliseconds(limits.statement);
    statement
        .sql("concat(set_config('statement_timeout', ")
        .bind::<Text, _>(statement_limit.clone())
        .sql(", true), set_config('idle_in_transaction_session_timeout', ")
        .bind::<Text, _>(statement_limit)
        .sql(", true), set_config('lock_timeout', ")
        .bind::<Text, _>(milliseconds(limits.lock))
        .sql(
            ", true), set_config('plan_cache_mode', 'force_generic_plan', true), \
             set_config('synchronous_commit', case current_setting('synchronous_commit') \
                 when 'remote_apply' then 'remote_apply' else 'on' end, true), \
             case when current_setting('transaction_timeout', true) <> '0' \
                 then set_config('transaction_timeout', '0', true) end)",
        )
}

fn milliseconds(limit: Duration) -> String {
    format!("{}ms", limit.as_millis())
}

/// The value of `todo.direct` in a session that knows the [`options`] of its client.
pub(crate) const IS_DIRECT: &str = "select coalesce(current_setting('todo.direct', true), '') = 'on'";

/// Start-up options for a direct connection, after those of the URL.
///
/// The limit of a statement outside a transaction is twice that of the client, which cancels it. It ends a
/// statement whose client has disappeared.
pub(crate) fn options(of_url: Option<&str>, limit: Duration) -> String {
    let ms = limit.as_millis();
    let own = format!(
        "-c todo.direct=on -c plan_cache_mode=force_generic_plan -c statement_timeout={} -c lock_timeout=0 \
         -c idle_in_transaction_session_timeout={ms} -c default_transaction_isolation=read\\ committed \
         -c default_transaction_read_only=off -c row_security=on",
        ms * 2
    );
    of_url.map_or_else(|| own.clone(), |of_url| format!("{of_url} {own}"))
}

/// Selects the settings of the session, as `name = value`, with which statements outside transactions would fail.
/// `{limit}` is that of a statement, in milliseconds.
pub(crate) fn unsuitable(limit: Duration) -> String {
    format!(
        "select format('%s = %s', name, setting) from pg_settings where (name = 'row_security' and setting = 'off')
         or (name in ('statement_timeout', 'transaction_timeout') and setting::bigint between 1 and {})",
        limit.as_millis().saturating_sub(1)
    )
}
