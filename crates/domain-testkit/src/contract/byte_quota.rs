//! The quota of stored text.

use domain::todo::{Base, Batch, Edit, Outcome, Rejection, StorageLimits, Upsert};

use crate::build::{
    T0, at_most, batch, create, delete, description, edit, restore, retitle, title, todo_id, toggle, upsert,
};
use crate::{Harness, all};

/// Texts count in bytes, those of tombstones too. A change that adds text beyond the quota is
/// rejected; any other is not, even if the user is beyond the quota already.
pub async fn at_the_byte_quota_only_growth_is_rejected(h: Harness) {
    let user = h.user().await;
    let [first, second] = [(); 2].map(|()| todo_id());
    let limits = |bytes| StorageLimits { bytes, ..at_most(100) };
    let request = |bytes, change| Batch { limits: limits(bytes), ..batch([change]) };
    let full = |limit| [Outcome::Rejected(Rejection::ByteQuota { limit })];
    let described = |text: &str| Edit { description: Some(Some(description(text))), ..Edit::default() };

    // Two characters, five bytes.
    assert_eq!(h.decide(user, request(4, create(first, "\u{e9}\u{20ac}")), T0).await, full(4));
    assert!(is_applied(&h.decide(user, request(5, create(first, "\u{e9}\u{20ac}")), T0).await[0]));
    let steps = [
        ("another todo", 5, create(second, "a"), false),
        ("a description", 7, edit(first, Base::Current, described("abc")), false),
        ("one that fits", 7, edit(first, Base::Current, described("ab")), true),
        ("a longer title", 7, retitle(first, Base::Current, "sixsix"), false),
        ("a shorter title, beyond a lowered quota", 1, retitle(first, Base::Current, "four"), true),
        ("a title of the same length", 1, retitle(first, Base::Current, "FOUR"), true),
        ("a toggle", 1, toggle(first), true),
        ("a deletion", 1, delete(first), true),
        ("another todo beside the tombstone", 6, create(second, "a"), false),
        ("a restoration", 1, restore(first), true),
        ("a synced edit that grows", 6, upsert(first, Base::Version(7), synced("longer")), false),
        ("a synced edit that shrinks", 6, upsert(first, Base::Version(7), synced("s")), true),
    ];
    for (step, bytes, change, fits) in steps {
        let outcomes = h.decide(user, request(bytes, change), T0).await;
        assert_eq!(is_applied(&outcomes[0]), fits, "{step}: {outcomes:#?}");
        if !fits {
            assert_eq!(outcomes, full(bytes), "{step}");
        }
    }
    assert_eq!(h.everything(user).await[0].stored_bytes(), 3);
    let other = h.user().await;
    assert!(is_applied(&h.decide(other, request(4, create(first, "four")), T0).await[0]), "each has a quota");
}

/// Concurrent writers together stay within the byte quota.
pub async fn concurrent_creations_stay_within_the_byte_quota(h: Harness) {
    let user = h.user().await;
    let writers = (0..40).map(|_| {
        let h = h.clone();
        let limits = StorageLimits { bytes: 43, ..at_most(100) };
        async move { h.decide(user, Batch { limits, ..batch([create(todo_id(), "milk")]) }, T0).await }
    });
    let applied = all(writers).await.iter().filter(|outcomes| is_applied(&outcomes[0])).count();
    assert_eq!((applied, h.everything(user).await.len()), (10, 10));
}

fn synced(text: &str) -> Upsert {
    Upsert { edit: Edit { title: Some(title(text)), ..Edit::default() }, ..Upsert::default() }
}

fn is_applied(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Applied { .. })
}
