use proptest::prelude::*;

use super::*;

fn at(micros: i64) -> Stamp {
    Stamp::from_micros(micros).expect("a stamp")
}

fn epochs(count: i64) -> Epochs {
    Epochs::new((1..=count).map(|ordinal| (ordinal, format!("epoch-{ordinal}")))).expect("epochs")
}

fn epoch(ordinal: i64, counter: u32) -> UserEpoch {
    UserEpoch { ordinal, counter }
}

#[test]
fn a_database_has_at_least_one_epoch_and_they_are_in_order() {
    assert!(Epochs::new([]).is_err());
    assert!(Epochs::new([(2, "b".to_owned()), (1, "a".to_owned())]).is_err());
    assert!(Epochs::new([(1, "b".to_owned()), (1, "a".to_owned())]).is_err());
    assert_eq!(epochs(3).current(), (3, &Epoch("epoch-3".to_owned())));
}

#[test]
fn a_history_survives_its_columns() {
    let mut history = History::new(1);
    assert_eq!(history.stored_partings(), None);
    history.begin(&epochs(1), at(-5));
    history.enter_current(&epochs(3), at(7));
    history.enter_current(&epochs(3), at(9));
    assert_eq!(history.stored_partings().as_deref(), Some("1.1@-5 3.0@7"));
    for history in [History::new(4), history] {
        let UserEpoch { ordinal, counter } = history.last();
        let read = History::from_stored(ordinal, counter.into(), history.stored_partings().as_deref());
        assert_eq!(read.expect("a history"), history);
    }
}

#[test]
fn columns_that_no_history_has_are_corrupt() {
    for (counter, partings) in [
        (-1, None),
        (1 << 32, None),
        (0, Some("")),
        (0, Some("2.0")),
        (0, Some("2.0@x")),
        (0, Some("2@7")),
        (0, Some("1.0@7")),
        (0, Some("2.0@7 ")),
        (0, Some("2.0@7 1.0@8")),
        (0, Some("1.1@9 2.0@8")),
    ] {
        let read = History::from_stored(2, counter, partings);
        assert!(matches!(read, Err(StoreError::Corrupt { .. })), "{counter} {partings:?}: {read:?}");
    }
}

#[test]
fn an_epoch_in_which_nothing_changed_leaves_no_parting() {
    let mut history = History::new(1);
    history.enter_current(&epochs(4), at(7));
    assert_eq!(history.stored_partings().as_deref(), Some("4.0@7"));
    for epoch in [epoch(1, 0), epoch(3, 0)] {
        assert_eq!(history.shared_with(epoch, at(20)), at(7));
    }
    assert_eq!(history.shared_with(epoch(4, 0), at(20)), at(20));
}

#[test]
fn a_device_that_is_refused_again_and_again_adds_one_parting() {
    let mut history = History::new(1);
    for _ in 0..1000 {
        history.begin(&epochs(1), at(7));
    }
    assert_eq!(history.stored_partings().as_deref(), Some("1.1000@7"));
    assert_eq!(history.shared_with(epoch(1, 0), at(20)), at(7));
    assert_eq!(history.find(&Epoch("epoch-1.999".to_owned()), &epochs(1)), Some(epoch(1, 999)));
}

proptest! {
    /// A device that offers more than the database lost loses nothing. One that offered less
    /// would.
    #[test]
    fn joining_old_partings_never_promises_more_than_is_shared(
        events in prop::collection::vec((any::<bool>(), 0..3i64), 0..300),
    ) {
        let (mut history, mut ordinal, mut clock) = (History::new(1), 1, 0);
        let mut all = Vec::new();
        for (for_the_user_alone, passed) in events {
            clock += passed;
            if for_the_user_alone {
                history.begin(&epochs(ordinal), at(clock));
            } else {
                ordinal += 1;
                history.enter_current(&epochs(ordinal), at(clock));
            }
            all.push(Parting { epoch: history.last(), at: at(clock) });
        }
        let end = at(clock + 10);
        prop_assert!(history.partings.len() <= History::MAX_PARTINGS);
        let before = std::iter::once(epoch(1, 0)).chain(all.iter().map(|parting| parting.epoch));
        for epoch in before {
            let parted = all.iter().filter(|parting| parting.epoch > epoch).map(|parting| parting.at);
            let shared = parted.min().unwrap_or(end);
            let promised = history.shared_with(epoch, end);
            prop_assert!(promised <= shared, "{epoch:?}: {promised} is beyond {shared}");
            prop_assert!(promised == shared || all.len() > History::MAX_PARTINGS);
        }
    }
}
