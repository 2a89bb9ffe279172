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
mod tests;
