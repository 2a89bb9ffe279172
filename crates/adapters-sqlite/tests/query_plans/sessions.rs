//! Sessions, and the removal of expired rows.

use adapters_sqlite::SqliteStore;
use domain::session::{Cutoffs, Device, FeedPosition, SessionStore, TokenHash};
use domain_testkit::build::{T0, at, new_session, successor};

use crate::planner::Planner;
use crate::{ANN, over};

pub async fn sessions(store: &SqliteStore, planner: &mut Planner) {
    let (first, second) = (new_session(at(9000)), new_session(at(9000)));
    store.open(ANN, first.clone(), 1, over(T0)).await.expect("opens").expect("it opens");
    store.open(ANN, second.clone(), 1, over(T0)).await.expect("opens").expect("it opens");
    planner.check_all("open");
    assert!(store.find(&first.hash).await.expect("reads").is_some());
    planner.expect(
        "find",
        &["SEARCH refresh_tokens USING INDEX sqlite_autoindex_refresh_tokens_2 (token_hash=?)"],
    );
    for seconds in [0, 1, 1000] {
        let next = successor(at(9000));
        store.rotate(&second.hash, next, &Device::default(), over(at(seconds))).await.expect("rotates");
        planner.check_all("rotate");
    }
    store
        .rotate(&TokenHash([7; 32]), successor(at(9000)), &Device::default(), over(T0))
        .await
        .expect("answers");
    store.end(ANN, second.id, over(T0)).await.expect("writes");
    store.end_all(ANN, None, over(T0)).await.expect("writes");
    planner.check_all("end");
    assert!(!store.revocations(Some(FeedPosition(0)), T0).await.expect("reads").revocations.is_empty());
    planner.expect("revocations", &["SEARCH revoked_tokens USING INTEGER PRIMARY KEY (rowid>?)"]);
    store.live(ANN, T0).await.expect("reads");
    planner.expect(
        "live sessions",
        &["SEARCH sessions USING INDEX sessions_open (user_id=?)", "USE TEMP B-TREE FOR ORDER BY"],
    );
    assert!(store.newest(ANN, second.id).await.expect("reads").is_some());
    planner.check_all("newest");
}

pub async fn housekeeping(store: &SqliteStore, planner: &mut Planner) {
    store.sweep(&Cutoffs::at(at(10_000_000)), 10).await.expect("writes");
    let swept = planner.check_all("sweep");
    for step in [
        "SEARCH sessions USING INDEX sessions_by_end (expires_at<?)",
        "SEARCH refresh_tokens USING COVERING INDEX refresh_tokens_by_end (expires_at<?)",
        "SEARCH one_time_tokens USING COVERING INDEX one_time_tokens_by_end (expires_at<?)",
        "SEARCH one_time_tokens USING COVERING INDEX one_time_tokens_used (used_at>? AND used_at<?)",
        "SEARCH r USING INDEX revoked_tokens_by_end (expires_at<?)",
        "SEARCH t USING INDEX sqlite_autoindex_refresh_tokens_3 (session_id=?)",
        "SEARCH mail_outbox USING COVERING INDEX mail_outbox_sent (sent_at<?)",
        "SEARCH mail_outbox USING COVERING INDEX mail_outbox_given_up (given_up_at<?)",
    ] {
        assert!(swept.iter().any(|(_, plan)| plan.iter().any(|found| found == step)), "{step}: {swept:#?}");
    }
}
