//! An instance whose clock differs from the database's.

use std::sync::Arc;
use std::time::Duration;

use domain::session::{RevocationReader, Revocations, SessionStore as _};
use domain_testkit::ManualClock;
use domain_testkit::build::T0;

use crate::support::{database, store_at};

const HOUR: Duration = Duration::from_hours(1);

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_differs_from_the_databases_is_noticed() {
    let database = database("clocks");
    let (store, _bus) = store_at(database.app_url()).await;
    let feed = store.revocations(None, T0).await.expect("the store answers");
    let time = feed.database_time.expect("PostgreSQL has a clock");
    for (what, shown) in [("fast", time.plus(HOUR)), ("slow", time.minus(HOUR))] {
        let clock = Arc::new(ManualClock::at(shown));
        let mut reader = RevocationReader::new(store.clone(), Arc::new(Revocations::new(vec![])), clock);
        let skew = reader.read().await.expect("the store answers");
        // The database's clock has gone on since.
        assert!(skew > HOUR / 2 && skew > RevocationReader::TOLERATED_SKEW, "{what}: {skew:?}");
    }
}
