//! What a client sends before the server has a request for it: heads that are not complete. They
//! occupy memory that belongs to no user yet.

use actix_web::http::Method;
use actix_web::http::header::{CONTENT_LENGTH, HeaderMap, TRANSFER_ENCODING};

use crate::memory_budget::{Exhausted, MemoryBudget, Owner, Reservation};

/// How much a connection reads at a time, in bytes. The framework then looks for a complete
/// request.
pub const READ_SIZE: usize = 8 * 1024;
/// The part of a head that needs no reservation, in bytes.
const FREE: usize = 4 * 1024;
/// A larger buffer, in bytes, does not shrink before its connection closes.
const LASTING: usize = 16 * 1024;

/// What follows the head of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Body {
    /// This number of bytes, followed by the head of the next request.
    Sized(u64),
    /// A body of unknown length, or another protocol.
    Stream,
}

impl Body {
    /// No handler reads the body of a safe request. A client that sends one in chunks gets no room
    /// for it: it could be followed by heads while the client does not read the response.
    pub fn after(method: &Method, headers: &HeaderMap) -> Self {
        if headers.contains_key(TRANSFER_ENCODING) && !method.is_safe() {
            return Self::Stream;
        }
        let length = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok());
        Self::Sized(length.and_then(|length| length.parse().ok()).unwrap_or(0))
    }
}

/// The heads that a connection has received in part, and their memory.
#[derive(Debug)]
pub struct Input {
    budget: MemoryBudget,
    owner: Owner,
    is_active: bool,
    /// The rest of the body, which is read to its end even if the request was answered before.
    body: Body,
    /// Received bytes that belong to no request.
    unclaimed: usize,
    reserved: Option<Reservation>,
}

impl Input {
    pub fn new(budget: MemoryBudget, owner: Owner) -> Self {
        Self { budget, owner, is_active: false, body: Body::Sized(0), unclaimed: 0, reserved: None }
    }

    /// A head is complete.
    pub fn begin(&mut self, body: Body) {
        (self.is_active, self.body, self.unclaimed) = (true, body, 0);
        self.reserved = self.reserved.take().filter(|reserved| reserved.bytes() > LASTING);
    }

    /// The client speaks another protocol from now on.
    pub fn switch_protocols(&mut self) {
        self.body = Body::Stream;
    }

    /// The request is done.
    pub fn end(&mut self) {
        self.is_active = false;
        if self.body == Body::Stream {
            self.body = Body::Sized(0);
        }
    }

    /// Counts received bytes. Fails if there is no memory for them.
    pub fn receive(&mut self, bytes: usize) -> Result<(), Exhausted> {
        let Body::Sized(left) = &mut self.body else { return Ok(()) };
        let of_body = bytes.min(usize::try_from(*left).unwrap_or(usize::MAX));
        *left -= u64::try_from(of_body).unwrap_or(u64::MAX);
        self.unclaimed += bytes - of_body;
        if self.unclaimed <= FREE {
            return Ok(());
        }
        // Buffers double.
        let size = self.unclaimed.next_power_of_two();
        match &mut self.reserved {
            Some(reserved) if reserved.bytes() >= size => Ok(()),
            Some(reserved) => reserved.resize(size),
            reserved @ None => {
                *reserved = Some(self.budget.try_reserve(self.owner, size)?);
                Ok(())
            }
        }
    }

    /// Whether the client has sent enough of later requests for now: one is active, and the next
    /// ones wait.
    pub fn is_full(&self) -> bool {
        self.is_active && self.unclaimed >= READ_SIZE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KIB: usize = 1024;

    fn input(budget: &MemoryBudget) -> Input {
        Input::new(budget.clone(), Owner::Network(None))
    }

    #[test]
    fn long_heads_count_until_they_are_complete_and_very_long_ones_until_the_connection_closes() {
        let budget = MemoryBudget::new(1024 * KIB);
        let mut input = input(&budget);
        input.receive(4 * KIB).expect("no reservation is needed");
        assert_eq!(budget.reserved_bytes(), 0);
        input.receive(5 * KIB).expect("room");
        assert_eq!(budget.reserved_bytes(), 16 * KIB);
        input.begin(Body::Sized(0));
        assert_eq!(budget.reserved_bytes(), 0);
        input.end();
        for _ in 0..15 {
            input.receive(8 * KIB).expect("room");
        }
        input.begin(Body::Sized(0));
        assert_eq!(budget.reserved_bytes(), 128 * KIB);
        drop(input);
        assert_eq!(budget.reserved_bytes(), 0);
    }

    #[test]
    fn a_body_does_not_count_and_what_follows_it_does() {
        let budget = MemoryBudget::new(1024 * KIB);
        let mut input = input(&budget);
        input.begin(Body::Sized(2_000_000));
        input.receive(2_000_000).expect("it is a body");
        assert!(!input.is_full() && budget.reserved_bytes() == 0);
        input.receive(8 * KIB).expect("room");
        assert!(input.is_full() && budget.reserved_bytes() == 8 * KIB);
        input.end();
        assert!(!input.is_full());
        input.begin(Body::Stream);
        input.receive(2_000_000).expect("it is a body");
        assert!(!input.is_full());
    }

    #[test]
    fn the_rest_of_a_body_that_was_answered_early_does_not_count() {
        let budget = MemoryBudget::new(1024 * KIB);
        let mut input = input(&budget);
        input.begin(Body::Sized(2_000_000));
        input.end();
        input.receive(2_000_000).expect("it is a body");
        assert_eq!(budget.reserved_bytes(), 0);
        input.receive(8 * KIB).expect("room");
        assert_eq!(budget.reserved_bytes(), 8 * KIB);
    }

    #[test]
    fn heads_that_never_end_take_a_quarter_of_the_budget() {
        let budget = MemoryBudget::new(1024 * KIB);
        let mut inputs: Vec<_> = (0..100).map(|_| input(&budget)).collect();
        let refused = inputs.iter_mut().filter_map(|input| input.receive(64 * KIB).err()).count();
        assert_eq!((refused, budget.reserved_bytes()), (96, 256 * KIB));
    }

    #[test]
    fn method_and_headers_tell_what_follows() {
        let after = |method, name, value| {
            let mut headers = HeaderMap::new();
            headers.insert(name, actix_web::http::header::HeaderValue::from_static(value));
            Body::after(&method, &headers)
        };
        assert_eq!(Body::after(&Method::POST, &HeaderMap::new()), Body::Sized(0));
        assert_eq!(after(Method::POST, CONTENT_LENGTH, "17"), Body::Sized(17));
        assert_eq!(after(Method::POST, TRANSFER_ENCODING, "chunked"), Body::Stream);
        assert_eq!(after(Method::GET, TRANSFER_ENCODING, "chunked"), Body::Sized(0));
    }
}
