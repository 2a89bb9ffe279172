//! What a client sends before the server has a request for it: heads that are not complete, and
//! requests that wait for the one before. They occupy memory that belongs to no user yet.

use tokio::io::ReadBuf;

use super::framing::{Body, Next};
use crate::memory_budget::{Exhausted, MemoryBudget, Owner, Reservation};

/// How much a connection reads at a time, in bytes. The framework then looks for a complete
/// request.
pub const READ_SIZE: usize = 8 * 1024;
/// How much a connection reads while a request is active, in bytes: enough to see that the client went away.
pub const READ_AHEAD: usize = 256;
/// The part of a head that needs no reservation, in bytes.
const FREE: usize = 4 * 1024;
/// A larger buffer, in bytes, does not shrink before its connection closes.
const LASTING: usize = 16 * 1024;

/// Gives the framework one request at a time, and counts the memory of what it may not have yet.
#[derive(Debug)]
pub struct Input {
    budget: MemoryBudget,
    owner: Owner,
    next: Next,
    /// From a complete head to the end of the response.
    is_active: bool,
    /// Whether the active request takes its body.
    is_taken: bool,
    /// How many bytes of another protocol the framework has that nobody has taken.
    untaken: usize,
    /// The length of the body that the head of the active request tells. `None`: it has begun, or does not tell.
    announced: Option<u64>,
    /// How much the framework has of a head that is not complete.
    head: usize,
    /// What follows the active request.
    held: Vec<u8>,
    reserved: Option<Reservation>,
}

impl Input {
    pub fn new(budget: MemoryBudget, owner: Owner) -> Self {
        Self {
            budget,
            owner,
            next: Next::HEAD,
            is_active: false,
            is_taken: false,
            untaken: 0,
            announced: None,
            head: 0,
            held: Vec::new(),
            reserved: None,
        }
    }

    /// The framework has parsed a head.
    pub fn begin(&mut self, body: Body) {
        self.next = match self.announced.take() {
            None => Next::body(body),
            Some(length) if body == Body::Sized(length) => self.next,
            Some(_) => Next::Nothing,
        };
        self.is_active = true;
        self.head = 0;
        let lasts = |reserved: &Reservation| reserved.bytes() > LASTING || self.held.len() > FREE;
        self.reserved = self.reserved.take().filter(lasts);
    }

    /// The active request takes its body from now on, or ceases to.
    pub fn take_body(&mut self, is_taken: bool) {
        self.is_taken = is_taken;
    }

    /// The client speaks another protocol from now on.
    pub fn switch_protocols(&mut self) {
        self.next = Next::Anything;
    }

    /// Bytes of the other protocol have been taken.
    pub fn take(&mut self, bytes: usize) {
        self.untaken = self.untaken.saturating_sub(bytes);
    }

    /// The request is done. The rest of its body may still follow.
    pub fn end(&mut self) {
        self.is_active = false;
        self.is_taken = false;
        if self.next == Next::Nothing {
            self.next = Next::HEAD;
        }
    }

    /// Whether the framework may have more. It keeps what nobody takes, and nothing counts that.
    pub fn is_open(&self) -> bool {
        match self.next {
            Next::Head(_) => true,
            Next::Sized(_) | Next::Chunks(_) => self.is_taken || !self.is_active,
            Next::Anything => self.untaken < READ_SIZE,
            Next::Nothing => false,
        }
    }

    /// Whether bytes wait for the end of the active request.
    pub fn holds(&self) -> bool {
        !self.held.is_empty()
    }

    /// Takes received bytes, and returns how many of them the framework may have at once. The others wait. Fails if
    /// there is no memory for them.
    pub fn receive(&mut self, bytes: &[u8]) -> Result<usize, Exhausted> {
        let passed = self.pass(bytes);
        self.held.extend_from_slice(&bytes[passed..]);
        self.count()?;
        Ok(passed)
    }

    /// Gives the framework what it may have by now of the bytes that wait.
    pub fn release(&mut self, buf: &mut ReadBuf<'_>) -> Result<(), Exhausted> {
        let held = std::mem::take(&mut self.held);
        let room = held.len().min(buf.remaining());
        let passed = self.pass(&held[..room]);
        buf.put_slice(&held[..passed]);
        self.held = held[passed..].to_vec();
        self.count()
    }

    fn pass(&mut self, bytes: &[u8]) -> usize {
        let mut passed = 0;
        let mut is_open = self.is_open();
        while passed < bytes.len() && is_open {
            let (count, is_complete) = self.next.pass(&bytes[passed..]);
            passed += count;
            if self.next == Next::Anything {
                self.untaken += count;
            }
            if let Next::Head(head) = self.next {
                self.head += count;
                if is_complete {
                    self.is_active = true;
                    self.announced = head.length();
                    self.next = Next::body(Body::Sized(head.length().unwrap_or(0)));
                }
            } else if is_complete {
                self.next = if self.is_active { Next::Nothing } else { Next::HEAD };
            }
            // What arrives of a body together with its head is in the framework's buffer already.
            is_open = self.next != Next::Nothing;
        }
        passed
    }

    fn count(&mut self) -> Result<(), Exhausted> {
        let bytes = self.head + self.held.len();
        if bytes <= FREE {
            return Ok(());
        }
        // Buffers double.
        let size = bytes.next_power_of_two();
        match &mut self.reserved {
            Some(reserved) if reserved.bytes() >= size => Ok(()),
            Some(reserved) => reserved.resize(size),
            reserved @ None => {
                *reserved = Some(self.budget.try_reserve(self.owner, size)?);
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const KIB: usize = 1024;
    const GET: &[u8] = b"GET / HTTP/1.1\r\n\r\n";

    fn input(budget: &MemoryBudget) -> Input {
        Input::new(budget.clone(), Owner::Network(None))
    }

    fn endless(bytes: usize) -> Vec<u8> {
        vec![b'a'; bytes]
    }

    #[test]
    fn long_heads_count_until_they_are_complete_and_very_long_ones_until_the_connection_closes() {
        let budget = MemoryBudget::new(1024 * KIB);
        let mut input = input(&budget);
        input.receive(&endless(4 * KIB)).expect("no reservation is needed");
        assert_eq!(budget.reserved_bytes(), 0);
        input.receive(&endless(5 * KIB)).expect("room");
        assert_eq!(budget.reserved_bytes(), 16 * KIB);
        input.receive(b"\r\n\r\n").expect("room");
        input.begin(Body::Sized(0));
        assert_eq!(budget.reserved_bytes(), 0);
        input.end();
        for _ in 0..15 {
            input.receive(&endless(8 * KIB)).expect("room");
        }
        input.receive(b"\r\n\r\n").expect("room");
        input.begin(Body::Sized(0));
        assert_eq!(budget.reserved_bytes(), 128 * KIB);
        drop(input);
        assert_eq!(budget.reserved_bytes(), 0);
    }

    #[test]
    fn a_body_does_not_count_and_what_follows_it_does() {
        let budget = MemoryBudget::new(1024 * KIB);
        let mut input = input(&budget);
        input.receive(b"POST / HTTP/1.1\r\nContent-Length: 2000000\r\n\r\n").expect("room");
        input.begin(Body::Sized(2_000_000));
        input.take_body(true);
        assert_eq!(input.receive(&endless(2_000_000)), Ok(2_000_000), "it is a body");
        assert!(!input.is_open() && budget.reserved_bytes() == 0);
        assert_eq!(input.receive(&endless(8 * KIB)), Ok(0));
        assert!(input.holds() && budget.reserved_bytes() == 8 * KIB);
    }

    #[test]
    fn a_body_that_nobody_takes_waits_but_for_what_arrived_with_its_head() {
        let mut input = input(&MemoryBudget::new(0));
        let head = b"POST / HTTP/1.1\r\nContent-Length: 8\r\n\r\nab";
        assert_eq!(input.receive(head), Ok(head.len()));
        input.begin(Body::Sized(8));
        assert!(!input.is_open());
        assert_eq!(input.receive(b"cd"), Ok(0));
        input.take_body(true);
        assert!(input.is_open() && input.holds());
        let mut room = [0; 64];
        input.release(&mut ReadBuf::new(&mut room)).expect("little");
        assert_eq!((&room[..2], input.receive(b"ef")), (&b"cd"[..], Ok(2)));
        input.take_body(false);
        assert_eq!(input.receive(b"gh"), Ok(0));
    }

    #[test]
    fn the_rest_of_a_body_that_was_answered_early_does_not_count() {
        let budget = MemoryBudget::new(1024 * KIB);
        let mut input = input(&budget);
        input.receive(b"POST / HTTP/1.1\r\nContent-Length: 2000000\r\n\r\n").expect("room");
        input.begin(Body::Sized(2_000_000));
        input.end();
        assert_eq!(input.receive(&endless(2_000_000)), Ok(2_000_000), "it is a body");
        assert_eq!(budget.reserved_bytes(), 0);
        assert_eq!(input.receive(&endless(8 * KIB)), Ok(8 * KIB), "it is the next head");
        assert_eq!(budget.reserved_bytes(), 8 * KIB);
    }

    #[test]
    fn heads_that_never_end_take_a_quarter_of_the_budget() {
        let budget = MemoryBudget::new(1024 * KIB);
        let mut inputs: Vec<_> = (0..100).map(|_| input(&budget)).collect();
        let refused = inputs.iter_mut().filter_map(|input| input.receive(&endless(64 * KIB)).err()).count();
        assert_eq!((refused, budget.reserved_bytes()), (96, 256 * KIB));
    }

    #[test]
    fn a_request_whose_head_is_understood_otherwise_lets_nothing_pass_before_it_ends() {
        let mut input = input(&MemoryBudget::new(0));
        assert_eq!(input.receive(b"POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\nGET"), Ok(41));
        input.begin(Body::Sized(0));
        assert_eq!(input.receive(GET), Ok(0));
        input.end();
        assert!(input.is_open() && input.holds());
    }

    #[test]
    fn another_protocol_passes_whole() {
        let mut input = input(&MemoryBudget::new(0));
        input.receive(GET).expect("room");
        input.begin(Body::Sized(0));
        input.switch_protocols();
        assert_eq!(input.receive(&[GET, GET].concat()), Ok(2 * GET.len()));
    }

    #[test]
    fn another_protocol_waits_until_its_bytes_are_taken() {
        let mut input = input(&MemoryBudget::new(64 * KIB));
        input.receive(GET).expect("room");
        input.begin(Body::Sized(0));
        input.switch_protocols();
        assert_eq!(input.receive(&endless(READ_SIZE)), Ok(READ_SIZE));
        assert_eq!(input.receive(GET), Ok(0));
        input.take(1);
        assert!(input.is_open() && input.holds());
    }

    fn requests() -> impl Strategy<Value = Vec<(Vec<u8>, Body)>> {
        let chunked = Just((
            b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\na\n\n\r\n0\r\n\r\n".to_vec(),
            Body::Chunked,
        ));
        let sized = (0_usize..50).prop_map(|length| {
            let head = format!("POST / HTTP/1.1\r\nContent-Length: {length}\r\n\r\n");
            ([head.as_bytes(), &vec![b'\n'; length]].concat(), Body::Sized(length as u64))
        });
        let without = Just((GET.to_vec(), Body::Sized(0)));
        proptest::collection::vec(prop_oneof![chunked, sized, without], 1..6)
    }

    proptest! {
        #[test]
        fn pipelined_requests_arrive_one_at_a_time_and_whole(requests in requests(), piece in 1_usize..200) {
            let bytes: Vec<u8> = requests.iter().flat_map(|(bytes, _)| bytes.clone()).collect();
            let mut input = input(&MemoryBudget::new(0));
            let mut pieces = bytes.chunks(piece);
            for (request, body) in &requests {
                let mut passed = Vec::new();
                let mut has_begun = false;
                while passed.len() < request.len() {
                    let mut room = [0; 64];
                    let mut buf = ReadBuf::new(&mut room);
                    if input.is_open() && input.holds() {
                        input.release(&mut buf).expect("little");
                        passed.extend_from_slice(buf.filled());
                    } else if let Some(piece) = pieces.next() {
                        let count = input.receive(piece).expect("little");
                        passed.extend_from_slice(&piece[..count]);
                    }
                    let head = passed.windows(4).any(|end| end == b"\r\n\r\n");
                    if head && !has_begun {
                        input.begin(*body);
                        input.take_body(true);
                        has_begun = true;
                    }
                }
                prop_assert_eq!(&passed, request);
                input.end();
            }
        }
    }
}
