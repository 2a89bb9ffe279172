use actix_web::web::Bytes;
use futures_util::FutureExt;
use uuid::Uuid;

use super::*;

fn mailbox() -> Mailbox {
    Mailbox::new(Some(SessionId(Uuid::nil())))
}

fn deliveries(count: usize) -> Vec<Delivery> {
    let at = Stamp::EPOCH;
    (0..count).map(|_| Delivery { previous: at, stamp: at, frame: Bytes::new().into() }).collect()
}

#[test]
fn events_of_a_megabyte_overflow_the_mailbox_once_they_wait() {
    let mailbox = mailbox();
    let long =
        |bytes: usize| Delivery { frame: Bytes::from(vec![0; bytes]).into(), ..deliveries(1)[0].clone() };
    // One commit is accepted whole.
    assert_eq!(mailbox.push(&[long(Mailbox::CAPACITY_BYTES), long(1)]), 0);
    assert!(matches!(mailbox.next().now_or_never(), Some(Some(_))));
    assert_eq!(mailbox.push(&[long(Mailbox::CAPACITY_BYTES - 1)]), 0);
    assert_eq!(mailbox.push(&[long(0)]), 3, "a megabyte waits");
    mailbox.rearm();
    assert_eq!(mailbox.push(&[long(1)]), 0);
}

#[test]
fn an_overflow_loses_all_events_until_the_mailbox_is_rearmed() {
    let mailbox = mailbox();
    for one in deliveries(Mailbox::CAPACITY) {
        assert_eq!(mailbox.push(&[one]), 0);
    }
    assert!(!mailbox.has_overflowed());
    assert_eq!(mailbox.push(&deliveries(1)), Mailbox::CAPACITY + 1);
    assert!(matches!(mailbox.next().now_or_never(), Some(None)));
    assert_eq!(mailbox.push(&deliveries(3)), 3);
    mailbox.rearm();
    assert_eq!(mailbox.push(&deliveries(1)), 0);
    assert!(matches!(mailbox.next().now_or_never(), Some(Some(_))));
    assert!(mailbox.next().now_or_never().is_none());
}

#[test]
fn a_large_commit_does_not_overflow_an_empty_mailbox() {
    let mailbox = mailbox();
    assert_eq!(mailbox.push(&deliveries(1_000)), 0);
    assert_eq!(mailbox.push(&deliveries(1)), 1_001);
}

#[test]
fn a_waiting_socket_is_woken_by_an_event_a_clock_an_overflow_and_a_close() {
    let mailbox = mailbox();
    let mut next = Box::pin(mailbox.next());
    assert!((&mut next).now_or_never().is_none());
    mailbox.push(&deliveries(1));
    assert!(matches!(next.now_or_never(), Some(Some(_))));

    let (first, second) = (Stamp::EPOCH, Stamp::EPOCH.next());
    mailbox.sent_up_to(first);
    mailbox.announce(Advance::polled(first));
    mailbox.polled(first);
    assert!(mailbox.next().now_or_never().is_none(), "it is as far");
    mailbox.polled(second);
    let polled = mailbox.next().now_or_never();
    assert!(matches!(polled, Some(Some(Notice::Clock(advance))) if advance == Advance::polled(second)));
    mailbox.sent_up_to(second);
    mailbox.polled(first);
    assert!(matches!(mailbox.next().now_or_never(), Some(Some(Notice::Ahead))));
    assert!(mailbox.next().now_or_never().is_none());
    mailbox.sent_up_to(first);
    mailbox.announce(Advance { previous: second, clock: second.next() });
    mailbox.announce(Advance { previous: first, clock: second });
    let both = Advance { previous: first, clock: second.next() };
    let announced = mailbox.next().now_or_never();
    assert!(matches!(announced, Some(Some(Notice::Clock(advance))) if advance == both));
    assert!(mailbox.next().now_or_never().is_none());

    let mut overflow = Box::pin(mailbox.overflow());
    assert!((&mut overflow).now_or_never().is_none());
    mailbox.push(&deliveries(Mailbox::CAPACITY));
    mailbox.push(&deliveries(1));
    assert!(overflow.now_or_never().is_some());

    let mut closing = Box::pin(mailbox.closing());
    assert!((&mut closing).now_or_never().is_none());
    mailbox.close(Closing::Revoked);
    mailbox.close(Closing::ShuttingDown);
    assert_eq!(closing.now_or_never(), Some(Closing::Revoked));
}
