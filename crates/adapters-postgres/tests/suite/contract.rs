//! The contract of every store, under both settings of row security.

use std::sync::Arc;

use adapters_postgres::RowSecurity;
use domain_testkit::Harness;
use postgres_testbed::Database;

use crate::statements;
use crate::support::fresh_with;

async fn harness_under(row_security: RowSecurity) -> Harness {
    statements::watch();
    let (harness, database) = fresh_with("contract", row_security, true).await;
    Harness { guard: Arc::new(Watched(database)), ..harness }
}

/// The database of a test whose statements are compared with the list.
struct Watched(#[expect(dead_code, reason = "dropped after the test")] Database);

impl Drop for Watched {
    fn drop(&mut self) {
        statements::all_are_listed();
    }
}

mod row_security_on_writes {
    use super::*;

    async fn harness() -> Harness {
        harness_under(RowSecurity::Writes).await
    }

    domain_testkit::store_contract!(harness);
}

mod row_security_on_all {
    use super::*;

    async fn harness() -> Harness {
        harness_under(RowSecurity::All).await
    }

    domain_testkit::store_contract!(harness);
}
