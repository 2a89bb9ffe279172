//! The queue of the reader threads: which job runs next.
//!
//! Users take turns, and each has at most one running read. One thread never runs a user's read, and one
//! of the others never a long one. So a user who sends many requests, or slow ones, delays mostly the own
//! ones: another user's short read waits for no more than one read of each user, and the server's own
//! reads wait for no user.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};

use diesel::SqliteConnection;
use domain::UserId;

/// The maximum number of queued reads of one user. The usual rate limit admits 100 requests at once.
const MAX_QUEUED_BY_USER: usize = 128;

pub(super) type Work = Box<dyn FnOnce(&mut SqliteConnection) + Send>;

/// Whom a read serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    /// The server itself: health, revocations, logins. Runs before the reads of users.
    Essential,
    /// One user's data. Long if the read may touch all rows of the user.
    User { user: UserId, long: bool },
}

/// A job, and the class it was queued with.
pub(super) struct Job {
    pub class: Class,
    pub work: Work,
}

pub(super) struct Queue {
    essential: VecDeque<Work>,
    users: HashMap<UserId, OfUser>,
    /// The users with a queued read and no running one, in the order of their turns, and whether the
    /// first read of each is long.
    turns: VecDeque<(UserId, bool)>,
    running: usize,
    running_long: usize,
    max_running: usize,
    max_running_long: usize,
    len: usize,
    capacity: usize,
}

#[derive(Default)]
struct OfUser {
    jobs: VecDeque<(bool, Work)>,
    running: bool,
}

impl Queue {
    /// A queue for `threads` threads, at least two.
    pub fn new(threads: usize, capacity: usize) -> Self {
        let max_running = threads.saturating_sub(1).max(1);
        Self {
            essential: VecDeque::new(),
            users: HashMap::new(),
            turns: VecDeque::new(),
            running: 0,
            running_long: 0,
            max_running,
            max_running_long: max_running.saturating_sub(1).max(1),
            len: 0,
            capacity,
        }
    }

    pub const fn len(&self) -> usize {
        self.len
    }

    /// Queues the job, or returns `false` if the queue or the user's share of it is full.
    pub fn push(&mut self, Job { class, work }: Job) -> bool {
        if self.len >= self.capacity {
            return false;
        }
        match class {
            Class::Essential => self.essential.push_back(work),
            Class::User { user, long } => {
                let own = self.users.entry(user).or_default();
                if own.jobs.len() >= MAX_QUEUED_BY_USER {
                    return false;
                }
                if own.jobs.is_empty() && !own.running {
                    self.turns.push_back((user, long));
                }
                own.jobs.push_back((long, work));
            }
        }
        self.len += 1;
        true
    }

    /// Takes the next job that may run now. [`Self::finish`] must follow when it has ended.
    pub fn next(&mut self) -> Option<Job> {
        let job = self.next_essential().or_else(|| self.next_of_a_user())?;
        self.len -= 1;
        Some(job)
    }

    fn next_essential(&mut self) -> Option<Job> {
        let work = self.essential.pop_front()?;
        Some(Job { class: Class::Essential, work })
    }

    /// Whether [`Self::next`] would return a job.
    pub fn has_next(&self) -> bool {
        !self.essential.is_empty() || self.turn().is_some()
    }

    /// The place in `turns` of the next user whose read may run now.
    fn turn(&self) -> Option<usize> {
        if self.running >= self.max_running {
            return None;
        }
        let admits_long = self.running_long < self.max_running_long;
        self.turns.iter().position(|(_, long)| admits_long || !long)
    }

    fn next_of_a_user(&mut self) -> Option<Job> {
        let turn = self.turn()?;
        let (user, long) = self.turns.remove(turn)?;
        let own = self.users.get_mut(&user)?;
        let (_, work) = own.jobs.pop_front()?;
        own.running = true;
        self.running += 1;
        self.running_long += usize::from(long);
        Some(Job { class: Class::User { user, long }, work })
    }

    /// Records that a job of this class has ended.
    pub fn finish(&mut self, class: Class) {
        let Class::User { user, long } = class else { return };
        self.running -= 1;
        self.running_long -= usize::from(long);
        let Entry::Occupied(mut own) = self.users.entry(user) else { return };
        own.get_mut().running = false;
        match own.get().jobs.front() {
            Some((long, _)) => self.turns.push_back((user, *long)),
            None => drop(own.remove()),
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn of(user: u128, long: bool) -> Class {
        Class::User { user: UserId(Uuid::from_u128(user)), long }
    }

    fn short(user: u128) -> Class {
        of(user, false)
    }

    fn queue(threads: usize, classes: impl IntoIterator<Item = Class>) -> Queue {
        let mut queue = Queue::new(threads, 1024);
        for class in classes {
            assert!(queue.push(Job { class, work: Box::new(|_| ()) }), "{class:?}");
        }
        queue
    }

    fn next(queue: &mut Queue) -> Option<Class> {
        queue.next().map(|job| job.class)
    }

    #[test]
    fn users_take_turns_and_each_runs_one_read_at_a_time() {
        let mut queue = queue(5, [short(1), short(1), short(1), short(2), short(3)]);
        assert_eq!(next(&mut queue), Some(short(1)));
        assert_eq!(next(&mut queue), Some(short(2)));
        queue.finish(short(1));
        assert_eq!(next(&mut queue), Some(short(3)));
        assert_eq!(next(&mut queue), Some(short(1)));
        assert_eq!(next(&mut queue), None, "the last read waits for its user's running one");
        queue.finish(short(1));
        assert_eq!(next(&mut queue), Some(short(1)));
        for user in [1, 2, 3] {
            queue.finish(short(user));
        }
        assert!(queue.users.is_empty() && queue.turns.is_empty() && queue.len() == 0);
    }

    #[test]
    fn one_thread_runs_no_users_read_and_another_no_long_one() {
        let mut queue = queue(3, [of(1, true), of(2, true), short(3), short(4)]);
        assert_eq!(next(&mut queue), Some(of(1, true)));
        assert_eq!(next(&mut queue), Some(short(3)), "a second long read waits");
        assert_eq!(next(&mut queue), None, "the third thread is kept free");
        assert!(!queue.has_next());
        assert!(queue.push(Job { class: Class::Essential, work: Box::new(|_| ()) }));
        assert_eq!(next(&mut queue), Some(Class::Essential));
        queue.finish(Class::Essential);
        queue.finish(of(1, true));
        assert!(queue.has_next());
        assert_eq!(next(&mut queue), Some(of(2, true)));
    }

    #[test]
    fn one_user_cannot_fill_the_queue() {
        let mut queue = queue(3, (0..MAX_QUEUED_BY_USER).map(|_| short(1)));
        assert!(!queue.push(Job { class: short(1), work: Box::new(|_| ()) }));
        assert!(queue.push(Job { class: short(2), work: Box::new(|_| ()) }));
    }
}
