//! The outbox: no mail is lost, and none goes to two workers.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use domain::Stamp;
use domain::mail::{NewMail, Template};
use domain::one_time::{EmailToken, Purpose};
use uuid::Uuid;

use crate::build::{T0, at, display_name, email, email_token, one_time, uuid};
use crate::{Harness, all};

const ANSWERS: &str = "the store answers";

async fn write(h: &Harness, mail: NewMail, now: Stamp) {
    let token = one_time(Purpose::MagicLink, mail.user, &mail.to);
    h.one_time.send(EmailToken { token, mail: Some(mail) }, now).await.expect(ANSWERS);
}

/// Writes a mail, and gives its id.
async fn written(h: &Harness, now: Stamp) -> Uuid {
    let mail = email_token(Purpose::MagicLink, None, &email("ann@example.com")).mail.expect("it has a mail");
    let id = mail.id;
    write(h, mail, now).await;
    id
}

/// The ids of what is due, each with its attempts.
async fn claim(h: &Harness, now: Stamp, lease_until: Stamp, limit: u32) -> Vec<(Uuid, u32)> {
    let claimed = h.outbox.claim(now, lease_until, limit).await.expect(ANSWERS);
    claimed.iter().map(|queued| (queued.mail.id, queued.attempts)).collect()
}

async fn queued(h: &Harness) -> u64 {
    h.outbox.queued().await.expect(ANSWERS)
}

/// A mail comes out as it was written, whatever it says.
pub async fn a_mail_comes_out_as_it_was_written(h: Harness) {
    let user = h.user().await;
    let mut mails = Vec::new();
    for template in Template::ALL {
        for (name, user) in [(None, None), (Some(display_name("Ann \u{1f980} O'Neil")), Some(user))] {
            let to = email("Ann.O'Neil+todo@Example.com");
            let token = name.as_ref().map(|_| one_time(Purpose::MagicLink, None, &to).id);
            mails.push(NewMail { id: uuid(), user, to, name, template, token });
        }
    }
    for mail in &mails {
        write(&h, mail.clone(), T0).await;
    }
    let claimed = h.outbox.claim(T0, at(60), 100).await.expect(ANSWERS);
    assert_eq!(claimed.len(), mails.len());
    for mail in mails {
        let queued = claimed.iter().find(|queued| queued.mail.id == mail.id).expect("it is claimed");
        let NewMail { user, to, name, template, token, .. } = &queued.mail;
        assert_eq!((*user, to.as_str(), name), (mail.user, mail.to.as_str(), &mail.name));
        assert_eq!((*template, *token, queued.attempts), (mail.template, mail.token, 0));
    }
}

/// Of any number of workers at once each mail goes to exactly one.
pub async fn each_mail_goes_to_one_worker(h: Harness) {
    let mut mails = HashSet::new();
    for _ in 0..100 {
        mails.insert(written(&h, T0).await);
    }
    let h = Arc::new(h);
    let taken = all((0..10).map(|_| {
        let h = Arc::clone(&h);
        async move {
            let mut taken = Vec::new();
            loop {
                let claimed = claim(&h, at(1), at(60), 7).await;
                assert!(claimed.len() <= 7, "no more than asked for");
                let is_last = claimed.is_empty();
                taken.extend(claimed.into_iter().map(|(id, _)| id));
                if is_last || taken.len() > 100 {
                    return taken;
                }
            }
        }
    }))
    .await
    .concat();
    assert_eq!(taken.len(), 100, "each once");
    assert_eq!(taken.into_iter().collect::<HashSet<_>>(), mails);
    assert_eq!(queued(&h).await, 100, "what is claimed waits until it is sent");
}

/// A mail that its worker never answered for is due again when the lease is over, and not before.
pub async fn a_lease_that_ran_out_gives_the_mail_to_another(h: Harness) {
    let mail = written(&h, T0).await;
    assert_eq!(claim(&h, T0, at(60), 10).await, [(mail, 0)]);
    assert_eq!(claim(&h, at(60).minus(Duration::from_micros(1)), at(90), 10).await, []);
    assert_eq!(claim(&h, at(60), at(90), 10).await.len(), 1);
    assert_eq!(claim(&h, at(60), at(120), 10).await, [], "the other has a lease too");
}

/// A mail that was sent is never due again, whatever a slower worker says.
pub async fn a_mail_that_was_sent_is_never_due_again(h: Harness) {
    let [mail, other] = [written(&h, T0).await, written(&h, T0).await];
    claim(&h, T0, at(60), 10).await;
    h.outbox.sent(mail, at(1)).await.expect(ANSWERS);
    assert_eq!(queued(&h).await, 1);
    h.outbox.failed(mail, "late", at(2)).await.expect(ANSWERS);
    assert_eq!(queued(&h).await, 1);
    h.outbox.sent(mail, at(3)).await.expect(ANSWERS);
    assert_eq!(claim(&h, Stamp::MAX.minus(Duration::from_secs(1)), Stamp::MAX, 10).await, [(other, 0)]);
}

/// A mail that was refused is due again when the worker said, and tells how often it was tried.
pub async fn a_refused_mail_is_due_again_when_said(h: Harness) {
    let mail = written(&h, T0).await;
    for attempts in 0..5 {
        let now = at(u64::from(attempts) * 100);
        assert_eq!(claim(&h, now, now.plus(Duration::from_mins(1)), 10).await, [(mail, attempts)]);
        let next = now.plus(Duration::from_secs(100));
        h.outbox.failed(mail, "451 try later \u{1f422}", next).await.expect(ANSWERS);
        assert_eq!(claim(&h, next.minus(Duration::from_micros(1)), Stamp::MAX, 10).await, []);
        assert_eq!(queued(&h).await, 1);
    }
}

/// A mail that was given up waits no more, whatever a slower worker says; but if one says that it was sent, it was.
pub async fn a_mail_given_up_is_never_due_again(h: Harness) {
    let mail = written(&h, T0).await;
    claim(&h, T0, at(60), 10).await;
    h.outbox.abandoned(mail, "550 no such user", at(1)).await.expect(ANSWERS);
    h.outbox.failed(mail, "late", at(2)).await.expect(ANSWERS);
    assert_eq!(queued(&h).await, 0);
    assert_eq!(claim(&h, Stamp::MAX.minus(Duration::from_secs(1)), Stamp::MAX, 10).await, []);
    h.outbox.sent(mail, at(3)).await.expect(ANSWERS);
    h.outbox.abandoned(mail, "late", at(4)).await.expect(ANSWERS);
    assert_eq!(queued(&h).await, 0);
}

/// What has been due for longest is sent first.
pub async fn the_mail_due_for_longest_comes_first(h: Harness) {
    let late = written(&h, at(3)).await;
    let [first, second] = [written(&h, at(1)).await, written(&h, at(2)).await];
    written(&h, at(50)).await;
    assert_eq!(claim(&h, at(10), at(60), 1).await, [(first, 0)]);
    let rest: HashSet<_> = claim(&h, at(10), at(60), 2).await.into_iter().map(|(id, _)| id).collect();
    assert_eq!(rest, HashSet::from([second, late]));
    assert_eq!(claim(&h, at(10), at(60), 10).await, [], "the last is not due");
    assert_eq!(queued(&h).await, 4);
}

/// What is said of a mail that is gone harms nothing.
pub async fn an_unknown_mail_is_nobodys(h: Harness) {
    let mail = written(&h, T0).await;
    h.outbox.sent(uuid(), T0).await.expect(ANSWERS);
    h.outbox.abandoned(uuid(), "lost", T0).await.expect(ANSWERS);
    h.outbox.failed(uuid(), "lost", at(9)).await.expect(ANSWERS);
    assert_eq!(claim(&h, T0, at(60), 10).await, [(mail, 0)]);
}
