//! The export of what is stored about an account.

use std::collections::{HashMap, HashSet};

use domain::UserId;
use domain::account::{EmailChange, ProfileChange};
use domain::mail::Template;
use domain::one_time::{EmailToken, Purpose};
use domain::session::EndReason;

use super::deletion::populate;
use crate::Harness;
use crate::build::{T0, at, mail, one_time, uuid};

const ANSWERS: &str = "the store answers";

/// The records contain everything stored about the user except the todos, and nothing of others.
pub async fn the_records_are_complete(h: Harness) {
    let [ann, bob] = [h.user().await, h.user().await];
    populate(&h, bob).await;
    let (session, [_, put]) = populate(&h, ann).await;
    let address = h.stored(ann).await.email.expect("the user has an address");
    let notice = mail(Some(ann), &address, Template::EmailChanged);
    let notice_id = notice.id;
    let token = one_time(Purpose::VerifyEmail, Some(ann), &address);
    let verification = EmailToken { token, mail: None };
    let email = EmailChange { email: address.clone(), session: None, verification, notice: Some(notice) };
    let change = ProfileChange { display_name: None, email: Some(email) };
    h.accounts.change_profile(ann, change, at(2)).await.expect(ANSWERS);
    h.outbox.claim(at(3), at(9), 10).await.expect(ANSWERS);
    h.outbox.sent(notice_id, at(4)).await.expect(ANSWERS);

    let records = h.accounts.records(ann).await.expect(ANSWERS).expect("Ann exists");
    assert_eq!(records.user, h.stored(ann).await);
    assert_eq!(records.sessions.len(), 2, "including the ended one");
    let ended: Vec<_> = records.sessions.iter().filter_map(|session| session.ended).collect();
    assert_eq!(ended, [(at(1), EndReason::Logout)]);
    assert!(records.sessions.iter().any(|kept| kept.id == session.id && kept.ended.is_none()));
    let [google] = &records.identities[..] else {
        panic!("one identity: {:?}", records.identities);
    };
    assert_eq!((google.provider.as_str(), google.subject.as_str()), ("google", ann.to_string().as_str()));
    assert_eq!((google.email.as_deref(), google.created_at), (Some(address.as_str()), at(1)));
    let mails: HashSet<_> =
        records.mails.iter().map(|mail| (mail.template, mail.to.as_str(), mail.sent_at)).collect();
    let expected = HashSet::from([
        (Template::ResetPassword, address.as_str(), None),
        (Template::EmailChanged, address.as_str(), Some(at(4))),
    ]);
    assert_eq!(mails, expected);
    let kept: HashMap<_, _> =
        records.one_time_tokens.iter().map(|token| (token.purpose, (token.expires_at, token.used))).collect();
    let valid_until = |purpose: Purpose| T0.plus(purpose.lifetime());
    assert_eq!(kept[&Purpose::VerifyEmail], (valid_until(Purpose::VerifyEmail), false));
    assert_eq!(kept[&Purpose::OAuthHandOff], (valid_until(Purpose::OAuthHandOff), false));
    h.one_time.consume(Purpose::OAuthHandOff, &put, at(5)).await.expect(ANSWERS).expect("the token is valid");
    let records = h.accounts.records(ann).await.expect(ANSWERS).expect("Ann exists");
    let used = records.one_time_tokens.iter().find(|token| token.purpose == Purpose::OAuthHandOff);
    assert!(used.is_some_and(|token| token.used), "{used:?}");
    assert!(h.accounts.records(UserId(uuid())).await.expect(ANSWERS).is_none());
}
