use std::pin::Pin;

use futures_util::FutureExt as _;

use super::*;

type Entering<'a> = Pin<Box<dyn Future<Output = Result<Place<u32>, HasherError>> + 'a>>;

/// Lets jobs enter, which are known by their party, and says which of them run.
struct Jobs<'a> {
    turns: &'a Arc<Turns<u32>>,
    waiting: Vec<(u32, Entering<'a>)>,
    running: Vec<Place<u32>>,
}

impl<'a> Jobs<'a> {
    /// One place, which is taken.
    fn new(turns: &'a Arc<Turns<u32>>) -> Self {
        let first = turns.enter(Kind::Verify, 0).now_or_never();
        let running = vec![first.expect("it runs at once").expect("a place")];
        Self { turns, waiting: Vec::new(), running }
    }

    /// Whether the job is admitted.
    fn enter(&mut self, kind: Kind, party: u32) -> bool {
        let mut job: Entering<'a> = Box::pin(self.turns.enter(kind, party));
        match job.as_mut().now_or_never() {
            None => self.waiting.push((party, job)),
            Some(Ok(_)) => panic!("no place is free"),
            Some(Err(_)) => return false,
        }
        true
    }

    /// The parties of the jobs that get no turn any more.
    fn refused(&mut self) -> Vec<u32> {
        self.poll().1
    }

    /// Ends the running job. Returns the party of the one that follows it.
    fn next(&mut self) -> Option<u32> {
        self.running.clear();
        self.poll().0
    }

    fn poll(&mut self) -> (Option<u32>, Vec<u32>) {
        let (mut next, mut refused) = (None, Vec::new());
        let running = &mut self.running;
        self.waiting.retain_mut(|(party, job)| match job.as_mut().now_or_never() {
            None => true,
            Some(Ok(place)) => {
                assert_eq!(next.replace(*party), None, "one place, one job");
                running.push(place);
                false
            }
            Some(Err(_)) => {
                refused.push(*party);
                false
            }
        });
        (next, refused)
    }

    fn order(&mut self) -> Vec<u32> {
        std::iter::from_fn(|| self.next()).collect()
    }
}

#[test]
fn parties_take_turns_however_many_jobs_they_have() {
    let turns = Turns::new(1, 100);
    let mut jobs = Jobs::new(&turns);
    for party in [1, 1, 1, 1, 2, 2, 3] {
        assert!(jobs.enter(Kind::Verify, party));
    }
    assert_eq!(jobs.next(), Some(1));
    // Another party waits for the rest of this round and for the next.
    assert!(jobs.enter(Kind::Verify, 4));
    assert_eq!(jobs.order(), [2, 3, 1, 2, 4, 1, 1]);
    assert!(turns.enter(Kind::Verify, 5).now_or_never().is_some(), "the place is free again");
}

#[test]
fn parties_that_come_anew_all_the_time_overtake_nobody_twice() {
    let turns = Turns::new(1, 100);
    let mut jobs = Jobs::new(&turns);
    for party in [1, 1, 1] {
        assert!(jobs.enter(Kind::Verify, party));
    }
    let mut served = Vec::new();
    for newcomer in 10.. {
        assert!(jobs.enter(Kind::Verify, newcomer));
        served.extend(jobs.next());
        if served.iter().filter(|party| **party == 1).count() == 3 {
            break;
        }
    }
    assert_eq!(served, [1, 10, 1, 11, 12, 1]);
}

#[test]
fn a_full_queue_makes_room_by_refusing_the_last_job_of_whoever_has_most() {
    let turns = Turns::new(1, 4);
    let mut jobs = Jobs::new(&turns);
    for party in [1, 1, 1, 2] {
        assert!(jobs.enter(Kind::Verify, party));
    }
    assert!(!jobs.enter(Kind::Verify, 1), "it has most already");
    assert!(jobs.enter(Kind::Verify, 3));
    assert_eq!(jobs.refused(), [1]);
    assert!(jobs.enter(Kind::Verify, 4));
    assert_eq!(jobs.refused(), [1]);
    assert!(!jobs.enter(Kind::Verify, 5), "each has one");
    assert!(!jobs.enter(Kind::Verify, 2));
    assert_eq!(jobs.order(), [1, 2, 3, 4]);
}

#[test]
fn kinds_take_turns_and_take_no_room_from_each_other() {
    let turns = Turns::new(1, 3);
    let mut jobs = Jobs::new(&turns);
    for party in [1, 2, 3] {
        assert!(jobs.enter(Kind::Verify, party));
    }
    assert!(!jobs.enter(Kind::Verify, 4));
    for party in [11, 12] {
        assert!(jobs.enter(Kind::Hash, party));
    }
    assert_eq!(jobs.order(), [1, 11, 2, 12, 3]);
}

#[test]
fn a_job_whose_caller_has_gone_leaves_the_queue_and_passes_its_place_on() {
    let turns = Turns::new(1, 2);
    let mut jobs = Jobs::new(&turns);
    for party in [1, 2] {
        assert!(jobs.enter(Kind::Verify, party));
    }
    drop(jobs.waiting.remove(0));
    assert!(jobs.enter(Kind::Verify, 3));
    // The place is given to the second, which goes before it learns of it.
    jobs.running.clear();
    drop(jobs.waiting.remove(0));
    assert_eq!(jobs.poll().0, Some(3));
    assert_eq!(jobs.order(), [0; 0]);
    let state = turns.lock();
    assert_eq!((state.free, state.verify.waiting.len(), state.verify.jobs.len()), (1, 0, 0));
}
