use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use uuid::Uuid;

use super::*;
use crate::instances::BusListener;

#[derive(Default)]
struct Count(AtomicUsize);

impl RevocationListener for Count {
    fn revoked(&self, revocations: &[Revocation]) {
        self.0.fetch_add(revocations.len(), Ordering::Relaxed);
    }
}

const SESSION: SessionId = SessionId(Uuid::nil());
const USER: UserId = UserId(Uuid::nil());

fn revocation(until: Stamp) -> Revocation {
    Revocation {
        what: Revoked::Session(SESSION),
        user: UserId(Uuid::nil()),
        reason: EndReason::Logout,
        at: Stamp::EPOCH,
        until,
    }
}

fn after(uptime: Duration) -> ClockReading {
    ClockReading { now: Stamp::EPOCH.plus(uptime), uptime }
}

const START: ClockReading = ClockReading { now: Stamp::EPOCH, uptime: Duration::ZERO };

#[test]
fn a_list_ages_even_if_the_clock_is_set_back() {
    let list = Revocations::new(vec![]);
    list.refresh(&RevocationFeed::default(), after(Duration::from_hours(1)));
    let set_back = |elapsed| ClockReading { now: Stamp::EPOCH, uptime: Duration::from_hours(1) + elapsed };
    let max = Revocations::MAX_AGE;
    assert_eq!(list.state(USER, None, set_back(max)), RevocationState::Good);
    assert_eq!(list.state(USER, None, set_back(max * 2)), RevocationState::Unknown);
    list.refresh(&RevocationFeed::default(), set_back(max * 2));
    assert_eq!(list.state(USER, None, set_back(max * 3)), RevocationState::Good);
    assert_eq!(list.state(USER, None, set_back(max * 4)), RevocationState::Unknown);
}

#[test]
fn an_old_list_trusts_no_token_but_still_knows_its_revocations() {
    let list = Revocations::new(vec![]);
    let state = |now| list.state(USER, Some(SESSION), now);
    assert_eq!((state(START), list.age(START)), (RevocationState::Unknown, None));
    list.refresh(&RevocationFeed::default(), START);
    assert_eq!(list.age(after(LATER)), Some(LATER));
    assert_eq!(state(after(Revocations::MAX_AGE)), RevocationState::Good);
    let later = Revocations::MAX_AGE + Duration::from_micros(1);
    assert_eq!(state(after(later)), RevocationState::Unknown);
    list.add(&[revocation(Stamp::EPOCH.plus(LATER))]);
    assert_eq!(state(after(LATER)), RevocationState::Revoked);
}

#[derive(Default)]
struct Announced(AtomicUsize);

#[async_trait]
impl Bus for Announced {
    fn announce(&self, message: Message) {
        assert_eq!(message, Message::Revoked);
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    async fn run(&self, _listener: &dyn BusListener) {}
}

#[test]
fn what_this_instance_revokes_is_announced_and_what_others_revoke_is_not() {
    let bus = Arc::new(Announced::default());
    let list = Revocations::new(vec![]).with_bus(Some(bus.clone()));
    let announced = || bus.0.load(Ordering::Relaxed);
    list.refresh(&feed(vec![revocation(Stamp::EPOCH.plus(LATER))], vec![USER]), START);
    list.add(&[]);
    assert_eq!(announced(), 0);
    list.add(&[revocation(Stamp::EPOCH.plus(LATER))]);
    assert_eq!(announced(), 1);
}

fn feed(revocations: Vec<Revocation>, disabled: Vec<UserId>) -> RevocationFeed {
    RevocationFeed { revocations, disabled, ..RevocationFeed::default() }
}

#[test]
fn a_disabled_user_is_refused_until_enabled_again() {
    let notified = Arc::new(Count::default());
    let list = Revocations::new(vec![notified.clone()]);
    for _ in 0..2 {
        list.refresh(&feed(vec![], vec![USER]), START);
    }
    assert_eq!(list.state(USER, None, START), RevocationState::Disabled);
    assert_eq!(notified.0.load(Ordering::Relaxed), 1);
    list.refresh(&RevocationFeed::default(), START);
    assert_eq!(list.state(USER, None, START), RevocationState::Good);
}

const LATER: Duration = Duration::from_hours(1);

#[test]
fn listeners_are_notified_of_each_revocation_once_and_outdated_ones_are_dropped() {
    let notified = Arc::new(Count::default());
    let list = Revocations::new(vec![notified.clone()]);
    let until = Stamp::EPOCH.plus(LATER);
    list.add(&[revocation(until)]);
    list.refresh(&feed(vec![revocation(until)], vec![]), START);
    assert_eq!(notified.0.load(Ordering::Relaxed), 1);
    let end = after(LATER);
    list.refresh(&RevocationFeed::default(), end);
    assert_eq!(list.state(USER, Some(SESSION), end), RevocationState::Good);
}

#[test]
fn a_revocation_that_is_prolonged_is_kept_to_its_later_end() {
    let list = Revocations::new(vec![]);
    let state_at = |time: ClockReading| {
        list.refresh(&RevocationFeed::default(), time);
        list.state(USER, Some(SESSION), time)
    };
    list.add(&[revocation(Stamp::EPOCH.plus(LATER)), revocation(Stamp::EPOCH.plus(LATER * 2))]);
    assert_eq!(state_at(after(LATER)), RevocationState::Revoked);
    assert_eq!(state_at(after(LATER * 2)), RevocationState::Good);
}
