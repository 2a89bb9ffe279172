//! The contract of every store, under both settings of row security.

use std::sync::Arc;

use adapters_postgres::RowSecurity;
use domain_testkit::Harness;

use crate::support::fresh;

async fn harness_under(row_security: RowSecurity) -> Harness {
    let (harness, database) = fresh("contract", row_security).await;
    Harness { guard: Arc::new(database), ..harness }
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
