use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use adapters_auth::{HmacOneTimeSecrets, KeyRing};
use async_trait::async_trait;
use domain::account::{OneTimeStore as _, Purpose};
use domain_testkit::build::{at, email, proof};
use domain_testkit::{FixedClock, MemoryStore, RecordingBus, SequentialSecrets};

use super::*;
use crate::stop::Stopper;

const PATIENCE: Duration = Duration::from_mins(1);
/// How long a claim of the worker holds.
const LEASE: Duration = PATIENCE.saturating_mul(super::LEASE);

/// Keeps what it is given, or fails as it is told.
#[derive(Default)]
struct Post {
    letters: Mutex<Vec<Letter>>,
    away: AtomicBool,
    refusing: AtomicBool,
    attempts: AtomicU32,
    /// Takes the store away once a letter is accepted.
    breaks: Option<Arc<MemoryStore>>,
}

#[async_trait]
impl Mailer for Post {
    async fn send(&self, letter: &Letter) -> Result<(), MailError> {
        self.attempts.fetch_add(1, Ordering::SeqCst);
        if self.away.load(Ordering::SeqCst) {
            return Err(MailError::Temporary("nobody is there".into()));
        }
        if self.refusing.load(Ordering::SeqCst) {
            return Err(MailError::Permanent("no such address".into()));
        }
        self.letters.lock().expect("no panic").push(letter.clone());
        if let Some(store) = &self.breaks {
            store.set_available(false);
        }
        Ok(())
    }
}

struct Case {
    store: Arc<MemoryStore>,
    post: Arc<Post>,
    clock: Arc<FixedClock>,
    secrets: Arc<HmacOneTimeSecrets>,
}

impl Case {
    fn new(post: impl FnOnce(&Arc<MemoryStore>) -> Post) -> Self {
        let store = Arc::new(MemoryStore::new(Arc::new(RecordingBus::new())));
        let ring = KeyRing::parse(&"one".into()).expect("a secret");
        Self {
            post: Arc::new(post(&store)),
            store,
            clock: Arc::new(FixedClock::at(at(1000))),
            secrets: Arc::new(HmacOneTimeSecrets::new(&ring)),
        }
    }

    fn worker(&self) -> MailWorker {
        MailWorker::new(MailParts {
            outbox: self.store.clone(),
            mailer: self.post.clone(),
            one_time: self.secrets.clone(),
            secrets: Arc::new(SequentialSecrets),
            clock: self.clock.clone(),
            frontend_url: "https://app.example.com".into(),
            patience: PATIENCE,
            retry: Duration::from_secs(10),
        })
    }

    async fn queue(&self, to: &str) -> NewMail {
        let mut proof = proof(Purpose::MagicLink, None, &email(to));
        let mail = proof.mail.as_mut().expect("a mail");
        mail.template = Template::MagicLink;
        mail.token = Some(proof.token.id);
        let mail = mail.clone();
        self.store.send(proof, self.clock.now()).await.expect("the store answers");
        mail
    }

    async fn queued(&self) -> u64 {
        self.store.queued().await.expect("the store answers")
    }

    fn letters(&self) -> Vec<Letter> {
        self.post.letters.lock().expect("no panic").clone()
    }
}

#[tokio::test]
async fn each_mail_is_sent_once_with_the_link_that_its_token_stands_for() {
    let case = Case::new(|_| Post::default());
    let mail = case.queue("ann@example.com").await;
    let (mut one, mut other) = (case.worker(), case.worker());
    assert_eq!(one.round().await.expect("the store answers"), 1);
    assert_eq!(other.round().await.expect("the store answers"), 0);
    let letters = case.letters();
    assert_eq!(letters.len(), 1);
    let token = case.secrets.derive(mail.token.expect("a token"));
    let link = format!("https://app.example.com/magic-link?token={token}");
    assert_eq!((letters[0].id, letters[0].link.as_ref()), (mail.id, Some(&link)));
    case.clock.advance(LEASE * 2);
    assert_eq!(one.round().await.expect("the store answers"), 0);
}

#[tokio::test]
async fn while_the_server_is_away_it_is_tried_less_and_less_and_then_arrives() {
    let case = Case::new(|_| Post::default());
    case.post.away.store(true, Ordering::SeqCst);
    case.queue("ann@example.com").await;
    let mut worker = case.worker();
    for attempt in 1..=3 {
        assert_eq!(worker.round().await.expect("the store answers"), 1);
        assert_eq!(worker.round().await.expect("the store answers"), 0, "not before its time");
        assert_eq!(case.post.attempts.load(Ordering::SeqCst), attempt);
        case.clock.advance(Duration::from_secs(50));
    }
    case.post.away.store(false, Ordering::SeqCst);
    case.clock.advance(Duration::from_mins(2));
    assert_eq!(worker.round().await.expect("the store answers"), 1);
    assert_eq!((case.letters().len(), case.queued().await), (1, 0));
}

#[tokio::test]
async fn a_mail_refused_for_good_is_not_tried_again() {
    let case = Case::new(|_| Post::default());
    case.post.refusing.store(true, Ordering::SeqCst);
    case.queue("nobody@example.com").await;
    let mut worker = case.worker();
    assert_eq!(worker.round().await.expect("the store answers"), 1);
    case.clock.advance(Duration::from_hours(48));
    assert_eq!(worker.round().await.expect("the store answers"), 0);
    assert_eq!(case.queued().await, 0);
}

#[tokio::test]
async fn what_was_accepted_while_the_store_went_away_is_marked_later_and_not_sent_again() {
    let case = Case::new(|store| Post { breaks: Some(store.clone()), ..Post::default() });
    case.queue("ann@example.com").await;
    let mut worker = case.worker();
    assert!(worker.round().await.is_err());
    case.clock.advance(LEASE * 2);
    assert!(worker.round().await.is_err());
    case.store.set_available(true);
    assert_eq!(worker.round().await.expect("the store answers"), 0);
    assert_eq!((case.letters().len(), case.queued().await), (1, 0));
}

#[tokio::test]
async fn what_a_worker_that_died_had_claimed_is_sent_after_the_lease() {
    let case = Case::new(|_| Post::default());
    case.queue("ann@example.com").await;
    let now = case.clock.now();
    case.store.claim(now, now.plus(LEASE), 1).await.expect("the store answers");
    let mut worker = case.worker();
    assert_eq!(worker.round().await.expect("the store answers"), 0);
    case.clock.advance(LEASE);
    assert_eq!(worker.round().await.expect("the store answers"), 1);
    assert_eq!(case.letters().len(), 1);
}

#[tokio::test]
async fn it_ends_when_the_server_stops() {
    let case = Case::new(|_| Post::default());
    let stopper = Stopper::new();
    let running = tokio::spawn(case.worker().run(stopper.ear()));
    drop(stopper);
    timeout(Duration::from_secs(5), running).await.expect("in time").expect("no panic");
}

#[test]
fn the_spread_is_at_most_a_quarter() {
    let pause = Duration::from_secs(1000);
    assert_eq!(jittered(pause, Uuid::nil()), pause);
    let most = jittered(pause, Uuid::max());
    assert!(most > pause * 6 / 5 && most < pause * 5 / 4, "{most:?}");
}
