//! The outbox: it loses no email and leases each email to one worker at a time.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use domain::Stamp;
use domain::mail::{NewMail, Template};
use domain::one_time::{EmailToken, Purpose};
use uuid::Uuid;

use crate::build::{T0, at, email, email_token, one_time, uuid};
use crate::{Harness, all};

const ANSWERS: &str = "the store answers";

async fn queue(h: &Harness, mail: NewMail, now: Stamp) {
    let token = one_time(Purpose::MagicLink, mail.user, &mail.to);
    h.one_time.send(EmailToken { token, mail: Some(mail) }, now).await.expect(ANSWERS);
}

/// Queues an email and returns its id.
async fn queue_mail(h: &Harness, now: Stamp) -> Uuid {
    let mail = email_token(Purpose::MagicLink, None, &email("ann@example.com")).mail.expect("a mail");
    let id = mail.id;
    queue(h, mail, now).await;
    id
}

/// Claims emails and returns their ids and numbers of attempts.
async fn claim(h: &Harness, now: Stamp, lease_until: Stamp, limit: u32) -> Vec<(Uuid, u32)> {
    let claimed = h.outbox.claim(now, lease_until, limit).await.expect(ANSWERS);
    claimed.iter().map(|queued| (queued.mail.id, queued.attempts)).collect()
}

async fn queued(h: &Harness) -> u64 {
    h.outbox.queued().await.expect(ANSWERS)
}

/// A claimed email equals the queued one, whatever its content.
pub async fn a_mail_is_claimed_as_it_was_queued(h: Harness) {
    let user = h.user().await;
    let mut mails = Vec::new();
    for template in Template::ALL {
        for user in [None, Some(user)] {
            let to = email("Ann.O'Neil+todo@Example.com");
            let token = user.map(|_| one_time(Purpose::MagicLink, None, &to).id);
            let providers =
                if user.is_some() { vec!["google".to_owned(), "my id".to_owned()] } else { Vec::new() };
            mails.push(NewMail { id: uuid(), user, to, template, token, providers });
        }
    }
    for mail in &mails {
        queue(&h, mail.clone(), T0).await;
    }
    let claimed = h.outbox.claim(T0, at(60), 100).await.expect(ANSWERS);
    assert_eq!(claimed.len(), mails.len());
    for mail in mails {
        let queued = claimed.iter().find(|queued| queued.mail.id == mail.id).expect("the mail is claimed");
        let NewMail { user, to, template, token, .. } = &queued.mail;
        assert_eq!((*user, to.as_str()), (mail.user, mail.to.as_str()));
        assert_eq!((*template, *token, queued.attempts), (mail.template, mail.token, 0));
    }
}

/// Of concurrent workers, exactly one claims each email.
pub async fn each_mail_is_claimed_by_one_worker(h: Harness) {
    let mut mails = HashSet::new();
    for _ in 0..100 {
        mails.insert(queue_mail(&h, T0).await);
    }
    let h = Arc::new(h);
    let taken = all((0..10).map(|_| {
        let h = Arc::clone(&h);
        async move {
            let mut taken = Vec::new();
            loop {
                let claimed = claim(&h, at(1), at(60), 7).await;
                assert!(claimed.len() <= 7, "at most as many as the limit");
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
    assert_eq!(taken.len(), 100, "each mail is claimed once");
    assert_eq!(taken.into_iter().collect::<HashSet<_>>(), mails);
    assert_eq!(queued(&h).await, 100, "a claimed mail stays queued until it is sent");
}

/// If its worker reports nothing, an email is due again when the lease expires, and not before.
pub async fn a_mail_is_due_again_when_its_lease_expires(h: Harness) {
    let mail = queue_mail(&h, T0).await;
    assert_eq!(claim(&h, T0, at(60), 10).await, [(mail, 0)]);
    assert_eq!(claim(&h, at(60).minus(Duration::from_micros(1)), at(90), 10).await, []);
    assert_eq!(claim(&h, at(60), at(90), 10).await.len(), 1);
    assert_eq!(claim(&h, at(60), at(120), 10).await, [], "the second claim has a lease too");
}

/// A sent email is never due again. Later reports of other workers do not change that.
pub async fn a_sent_mail_is_never_due_again(h: Harness) {
    let [mail, other] = [queue_mail(&h, T0).await, queue_mail(&h, T0).await];
    claim(&h, T0, at(60), 10).await;
    h.outbox.sent(mail, at(1)).await.expect(ANSWERS);
    assert_eq!(queued(&h).await, 1);
    h.outbox.failed(mail, "late", at(2)).await.expect(ANSWERS);
    assert_eq!(queued(&h).await, 1);
    h.outbox.sent(mail, at(3)).await.expect(ANSWERS);
    assert_eq!(claim(&h, Stamp::MAX.minus(Duration::from_secs(1)), Stamp::MAX, 10).await, [(other, 0)]);
}

/// An email that failed is due again at the time that the worker set, with one more attempt.
pub async fn a_failed_mail_is_due_again_at_the_given_time(h: Harness) {
    let mail = queue_mail(&h, T0).await;
    for attempts in 0..5 {
        let now = at(u64::from(attempts) * 100);
        assert_eq!(claim(&h, now, now.plus(Duration::from_mins(1)), 10).await, [(mail, attempts)]);
        let next = now.plus(Duration::from_secs(100));
        h.outbox.failed(mail, "451 try later \u{1f422}", next).await.expect(ANSWERS);
        assert_eq!(claim(&h, next.minus(Duration::from_micros(1)), Stamp::MAX, 10).await, []);
        assert_eq!(queued(&h).await, 1);
    }
}

/// An abandoned email is never due again, even after a later report of failure. A later report that
/// it was sent is accepted.
pub async fn an_abandoned_mail_is_never_due_again(h: Harness) {
    let mail = queue_mail(&h, T0).await;
    claim(&h, T0, at(60), 10).await;
    h.outbox.abandoned(mail, "550 no such user", at(1)).await.expect(ANSWERS);
    h.outbox.failed(mail, "late", at(2)).await.expect(ANSWERS);
    assert_eq!(queued(&h).await, 0);
    assert_eq!(claim(&h, Stamp::MAX.minus(Duration::from_secs(1)), Stamp::MAX, 10).await, []);
    h.outbox.sent(mail, at(3)).await.expect(ANSWERS);
    h.outbox.abandoned(mail, "late", at(4)).await.expect(ANSWERS);
    assert_eq!(queued(&h).await, 0);
}

/// Emails are claimed in the order in which they became due.
pub async fn the_mail_due_longest_is_claimed_first(h: Harness) {
    let late = queue_mail(&h, at(3)).await;
    let [first, second] = [queue_mail(&h, at(1)).await, queue_mail(&h, at(2)).await];
    let failed = queue_mail(&h, T0).await;
    h.outbox.failed(failed, "451 try later", at(50)).await.expect(ANSWERS);
    assert_eq!(claim(&h, at(10), at(60), 1).await, [(first, 0)]);
    let rest: HashSet<_> = claim(&h, at(10), at(60), 2).await.into_iter().map(|(id, _)| id).collect();
    assert_eq!(rest, HashSet::from([second, late]));
    assert_eq!(claim(&h, at(10), at(60), 10).await, [], "the failed mail is not due yet");
    assert_eq!(queued(&h).await, 4);
}

/// An email that somebody waits for overtakes the notices of the last hour, and no older ones.
pub async fn a_link_is_claimed_before_the_notices_of_the_last_hour(h: Harness) {
    let hour = 60 * 60;
    let notice = async |now: Stamp| {
        let (id, to) = (uuid(), email("eve@example.com"));
        let (template, providers) = (Template::ProviderLinked, Vec::new());
        queue(&h, NewMail { id, user: None, to, template, token: None, providers }, now).await;
        id
    };
    let old = notice(T0).await;
    let [first, second] = [notice(at(2)).await, notice(at(hour)).await];
    let mut links = HashSet::new();
    for template in [Template::VerifyEmail, Template::ResetPassword, Template::MagicLink] {
        let mail = email_token(Purpose::MagicLink, None, &email("ann@example.com")).mail.expect("a mail");
        let mail = NewMail { template, ..mail };
        links.insert(mail.id);
        queue(&h, mail, at(hour + 1)).await;
    }
    let (now, later) = (at(hour + 1), at(2 * hour));
    assert_eq!(claim(&h, now, later, 1).await, [(old, 0)]);
    let claimed = claim(&h, now, later, 3).await;
    assert_eq!(claimed.into_iter().map(|(id, _)| id).collect::<HashSet<_>>(), links);
    assert_eq!(claim(&h, now, later, 1).await, [(first, 0)]);
    assert_eq!(claim(&h, now, later, 10).await, [(second, 0)]);
}

/// Reports on an unknown email succeed and change nothing.
pub async fn reports_on_an_unknown_mail_are_ignored(h: Harness) {
    let mail = queue_mail(&h, T0).await;
    h.outbox.sent(uuid(), T0).await.expect(ANSWERS);
    h.outbox.abandoned(uuid(), "lost", T0).await.expect(ANSWERS);
    h.outbox.failed(uuid(), "lost", at(9)).await.expect(ANSWERS);
    assert_eq!(claim(&h, T0, at(60), 10).await, [(mail, 0)]);
}
