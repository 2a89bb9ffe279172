use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use adapters_auth::{HmacOneTimeSecrets, KeyRing};
use async_trait::async_trait;
use domain::mail::Template;
use domain::one_time::{OneTimeStore as _, Purpose};
use domain_testkit::build::{at, email, email_token};
use domain_testkit::{ManualClock, MemoryStore, RecordingBus, SequentialSecrets};

use super::*;
use crate::stop::ShutdownHandle;

const TIMEOUT: Duration = Duration::from_mins(1);
const LEASE: Duration = TIMEOUT.saturating_mul(LEASE_TIMEOUTS);

/// A mailer that records mails, or fails as configured.
#[derive(Default)]
struct FakeMailer {
    mails: Mutex<Vec<OutgoingMail>>,
    is_down: AtomicBool,
    rejects: AtomicBool,
    /// Panics at the next mail to this address.
    panics_for: Mutex<Option<String>>,
    attempts: AtomicU32,
    /// Becomes unavailable when a mail is accepted.
    breaks: Option<Arc<MemoryStore>>,
}

#[async_trait]
impl Mailer for FakeMailer {
    async fn send(&self, mail: &OutgoingMail) -> Result<(), MailError> {
        self.attempts.fetch_add(1, Ordering::SeqCst);
        if self.is_down.load(Ordering::SeqCst) {
            return Err(MailError::Temporary("connection refused".into()));
        }
        if self.rejects.load(Ordering::SeqCst) {
            return Err(MailError::Permanent("no such address".into()));
        }
        let panics = self.panics_for.lock().expect("not held").take_if(|to| to == mail.to.as_str()).is_some();
        assert!(!panics, "a mailer of this test panics deliberately");
        self.mails.lock().expect("no panic").push(mail.clone());
        if let Some(store) = &self.breaks {
            store.set_available(false);
        }
        Ok(())
    }
}

struct Case {
    store: Arc<MemoryStore>,
    mailer: Arc<FakeMailer>,
    clock: Arc<ManualClock>,
    secrets: Arc<HmacOneTimeSecrets>,
}

impl Case {
    fn new(mailer: impl FnOnce(&Arc<MemoryStore>) -> FakeMailer) -> Self {
        let store = Arc::new(MemoryStore::new(Arc::new(RecordingBus::new())));
        let ring = KeyRing::parse(&"one".into()).expect("a secret");
        Self {
            mailer: Arc::new(mailer(&store)),
            store,
            clock: Arc::new(ManualClock::at(at(1000))),
            secrets: Arc::new(HmacOneTimeSecrets::new(&ring)),
        }
    }

    fn worker(&self) -> MailWorker {
        let ports = MailPorts {
            outbox: self.store.clone(),
            mailer: self.mailer.clone(),
            one_time: self.secrets.clone(),
            secrets: Arc::new(SequentialSecrets),
            clock: self.clock.clone(),
        };
        let settings = MailSettings {
            frontend_url: "https://app.example.com".into(),
            timeout: TIMEOUT,
            retry: Duration::from_secs(10),
            providers: Vec::new(),
        };
        MailWorker::new(ports, settings)
    }

    async fn queue(&self, to: &str) -> NewMail {
        let mut sent = email_token(Purpose::MagicLink, None, &email(to));
        let mail = sent.mail.as_mut().expect("a mail");
        mail.template = Template::MagicLink;
        mail.token = Some(sent.token.id);
        let mail = mail.clone();
        self.store.send(sent, self.clock.now()).await.expect("the store answers");
        mail
    }

    async fn queued(&self) -> u64 {
        self.store.queued().await.expect("the store answers")
    }

    fn mails(&self) -> Vec<OutgoingMail> {
        self.mailer.mails.lock().expect("no panic").clone()
    }
}

#[tokio::test]
async fn each_mail_is_sent_once_with_the_link_of_its_token() {
    let case = Case::new(|_| FakeMailer::default());
    let mail = case.queue("ann@example.com").await;
    let (mut one, mut other) = (case.worker(), case.worker());
    assert_eq!(one.round().await.expect("the store answers"), 1);
    assert_eq!(other.round().await.expect("the store answers"), 0);
    let mails = case.mails();
    assert_eq!(mails.len(), 1);
    let token = case.secrets.derive(mail.token.expect("a token"));
    let link = format!("https://app.example.com/magic-link?token={token}");
    assert_eq!((mails[0].id, mails[0].link.as_ref()), (mail.id, Some(&link)));
    case.clock.advance(LEASE * 2);
    assert_eq!(one.round().await.expect("the store answers"), 0);
}

#[tokio::test]
async fn a_mail_is_retried_with_growing_pauses_until_it_is_sent() {
    let case = Case::new(|_| FakeMailer::default());
    case.mailer.is_down.store(true, Ordering::SeqCst);
    case.queue("ann@example.com").await;
    let mut worker = case.worker();
    for attempt in 1..=3 {
        assert_eq!(worker.round().await.expect("the store answers"), 1);
        assert_eq!(worker.round().await.expect("the store answers"), 0, "it is not due yet");
        assert_eq!(case.mailer.attempts.load(Ordering::SeqCst), attempt);
        case.clock.advance(Duration::from_secs(50));
    }
    case.mailer.is_down.store(false, Ordering::SeqCst);
    case.clock.advance(Duration::from_mins(2));
    assert_eq!(worker.round().await.expect("the store answers"), 1);
    assert_eq!((case.mails().len(), case.queued().await), (1, 0));
}

#[tokio::test]
async fn a_permanently_rejected_mail_is_not_retried() {
    let case = Case::new(|_| FakeMailer::default());
    case.mailer.rejects.store(true, Ordering::SeqCst);
    case.queue("nobody@example.com").await;
    let mut worker = case.worker();
    assert_eq!(worker.round().await.expect("the store answers"), 1);
    case.clock.advance(Duration::from_hours(48));
    assert_eq!(worker.round().await.expect("the store answers"), 0);
    assert_eq!(case.queued().await, 0);
}

#[tokio::test]
async fn a_mail_accepted_during_an_outage_of_the_store_is_marked_later_and_not_sent_again() {
    let case = Case::new(|store| FakeMailer { breaks: Some(store.clone()), ..FakeMailer::default() });
    case.queue("ann@example.com").await;
    let mut worker = case.worker();
    assert!(worker.round().await.is_err());
    case.clock.advance(LEASE * 2);
    assert!(worker.round().await.is_err());
    case.store.set_available(true);
    assert_eq!(worker.round().await.expect("the store answers"), 0);
    assert_eq!((case.mails().len(), case.queued().await), (1, 0));
}

#[tokio::test]
async fn a_mail_whose_sending_panics_is_retried_and_no_other_is_sent_again() {
    let case = Case::new(|_| FakeMailer::default());
    for to in ["ann@example.com", "bob@example.com", "cy@example.com"] {
        case.queue(to).await;
    }
    *case.mailer.panics_for.lock().expect("not held") = Some("bob@example.com".to_owned());
    let mut worker = case.worker();
    assert_eq!(worker.round().await.expect("the store answers"), 3);
    assert_eq!((case.mails().len(), case.queued().await), (2, 1));
    case.clock.advance(LEASE * 2);
    assert_eq!(worker.round().await.expect("the store answers"), 1);
    let receivers = |mails: Vec<OutgoingMail>| {
        let mut receivers: Vec<_> = mails.iter().map(|mail| mail.to.to_string()).collect();
        receivers.sort_unstable();
        receivers
    };
    assert_eq!(receivers(case.mails()), ["ann@example.com", "bob@example.com", "cy@example.com"]);
    assert_eq!(case.queued().await, 0);
}

#[tokio::test]
async fn a_worker_that_is_started_again_sends_no_accepted_mail_twice() {
    let case = Case::new(|store| FakeMailer { breaks: Some(store.clone()), ..FakeMailer::default() });
    case.queue("ann@example.com").await;
    let worker = case.worker();
    assert!(worker.clone().round().await.is_err());
    // As supervision does after a panic.
    let mut restarted = worker.clone();
    case.store.set_available(true);
    case.clock.advance(LEASE * 2);
    assert_eq!(restarted.round().await.expect("the store answers"), 0);
    assert_eq!((case.mails().len(), case.queued().await), (1, 0));
}

#[tokio::test]
async fn a_mail_claimed_by_a_dead_worker_is_sent_after_the_lease() {
    let case = Case::new(|_| FakeMailer::default());
    case.queue("ann@example.com").await;
    let now = case.clock.now();
    case.store.claim(now, now.plus(LEASE), 1).await.expect("the store answers");
    let mut worker = case.worker();
    assert_eq!(worker.round().await.expect("the store answers"), 0);
    case.clock.advance(LEASE);
    assert_eq!(worker.round().await.expect("the store answers"), 1);
    assert_eq!(case.mails().len(), 1);
}

#[tokio::test]
async fn the_worker_ends_when_the_server_stops() {
    let case = Case::new(|_| FakeMailer::default());
    let shutdown = ShutdownHandle::new();
    let running = tokio::spawn(case.worker().run(shutdown.subscribe()));
    drop(shutdown);
    timeout(Duration::from_mins(1), running).await.expect("in time").expect("no panic");
}

#[test]
fn the_jitter_is_at_most_a_quarter() {
    let pause = Duration::from_secs(1000);
    assert_eq!(jittered(pause, Uuid::nil()), pause);
    let most = jittered(pause, Uuid::max());
    assert!(most > pause * 6 / 5 && most < pause * 5 / 4, "{most:?}");
}

#[test]
fn an_error_contains_no_address() {
    for (text, expected) in [
        ("550 5.1.1 <ann@example.com>: unknown", "550 5.1.1 <[address]>: unknown"),
        ("550 ANN@Example.com; SRS0=x@relay.example", "550 [address]; [address]"),
        ("421 try again", "421 try again"),
    ] {
        assert_eq!(without_addresses(text), expected);
    }
}
