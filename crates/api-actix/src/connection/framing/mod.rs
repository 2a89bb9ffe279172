//! Where a request ends in what a client sends (RFC 9112 sections 2.2, 6 and 7).
//!
//! The framework takes all complete requests from its buffer at once, and each waiting one takes
//! some hundred times the bytes that it was sent as. So it gets them one at a time.

use actix_web::http::header::{CONTENT_LENGTH, HeaderMap, TRANSFER_ENCODING};

/// What follows the head of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Body {
    /// This number of bytes.
    Sized(u64),
    /// Chunks up to one without bytes.
    Chunked,
}

impl Body {
    /// The body of a request with these headers.
    pub fn after(headers: &HeaderMap) -> Self {
        if headers.contains_key(TRANSFER_ENCODING) {
            return Self::Chunked;
        }
        let length = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok());
        Self::Sized(length.and_then(|length| length.parse().ok()).unwrap_or(0))
    }
}

/// The part of a request that comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    Head(Head),
    Sized(u64),
    Chunks(Chunks),
    /// Nothing before the client has the response.
    Nothing,
    /// The bytes of another protocol.
    Anything,
}

impl Next {
    /// The head of a request, from its beginning.
    pub const HEAD: Self =
        Self::Head(Head { lines: Lines { has_begun: false, is_empty: true }, length: Some(0) });

    /// This body, from its beginning.
    pub const fn body(body: Body) -> Self {
        match body {
            Body::Sized(0) => Self::Nothing,
            Body::Sized(bytes) => Self::Sized(bytes),
            Body::Chunked => Self::Chunks(Chunks::Size(None)),
        }
    }

    /// Returns how many of the bytes belong to this part, and whether they complete it.
    pub fn pass(&mut self, bytes: &[u8]) -> (usize, bool) {
        let end = match self {
            Self::Nothing => Some(0),
            Self::Anything => None,
            Self::Sized(left) => take(left, bytes),
            Self::Head(head) => head.end(bytes),
            Self::Chunks(chunks) => chunks.end(bytes),
        };
        (end.unwrap_or(bytes.len()), end.is_some())
    }
}

/// Counts the bytes, and returns the position after the last of `left` ones, if that is in `bytes`.
fn take(left: &mut u64, bytes: &[u8]) -> Option<usize> {
    let end = usize::try_from(*left).ok().filter(|end| *end <= bytes.len());
    *left = left.saturating_sub(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
    end
}

/// The head of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    lines: Lines,
    /// The length of the body. `None`: the framework has to tell.
    length: Option<u64>,
}

impl Head {
    /// The length of the body, if the complete head tells it plainly.
    pub const fn length(self) -> Option<u64> {
        self.length
    }

    fn end(&mut self, bytes: &[u8]) -> Option<usize> {
        let end = self.lines.end(bytes, |line| {
            if let Some(length) = value(line, "content-length:") {
                let length = str::from_utf8(length).ok().and_then(|length| length.trim().parse().ok());
                self.length = self.length.and(length);
            } else if value(line, "transfer-encoding:").is_some() {
                self.length = None;
            }
        });
        if end.is_none() {
            // A line may be split.
            self.length = None;
        }
        end
    }
}

/// The value in the line of a field.
fn value<'a>(line: &'a [u8], field: &str) -> Option<&'a [u8]> {
    let (name, value) = line.split_at_checked(field.len())?;
    name.eq_ignore_ascii_case(field.as_bytes()).then_some(value)
}

/// Lines up to an empty one. Empty lines before the first line do not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lines {
    has_begun: bool,
    /// Whether the last line has no bytes so far.
    is_empty: bool,
}

impl Lines {
    /// Returns the position after the empty line, if that is in `bytes`, and shows `each` line before it.
    fn end(&mut self, bytes: &[u8], mut each: impl FnMut(&[u8])) -> Option<usize> {
        let mut at = 0;
        for line in bytes.split_inclusive(|byte| *byte == b'\n') {
            at += line.len();
            if !matches!(line, b"\n" | b"\r\n" | b"\r") {
                (self.has_begun, self.is_empty) = (true, false);
                each(line);
            }
            if line.ends_with(b"\n") {
                if self.has_begun && self.is_empty {
                    return Some(at);
                }
                self.is_empty = true;
            }
        }
        None
    }
}

/// A body in chunks. A malformed one ends at its fault, which the framework finds. What ends a line is what ends it for the
/// framework: with another idea of it, the next head would be a part of this body for one of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chunks {
    /// The digits of a size, if there were any.
    Size(Option<u64>),
    /// White space after the size.
    AfterSize(u64),
    /// The rest of the line of a size.
    Extension(u64),
    /// The line feed after the size.
    SizeEnd(u64),
    Data(u64),
    /// The carriage return after the data.
    DataReturn,
    /// The line feed after the data.
    DataEnd,
    /// A line of a trailer from its beginning, or the last line.
    TrailerOrEnd,
    Trailer,
    /// The line feed after a trailer.
    TrailerEnd,
    /// The line feed that ends the body.
    End,
}

impl Chunks {
    /// Returns the position after the last chunk, if that is in `bytes`.
    fn end(&mut self, bytes: &[u8]) -> Option<usize> {
        let mut at = 0;
        while at < bytes.len() {
            if let Self::Data(left) = self {
                at += take(left, &bytes[at..])?;
                *self = Self::DataReturn;
            } else {
                let next = self.after(bytes[at]);
                at += 1;
                let Some(next) = next else { return Some(at) };
                *self = next;
            }
        }
        None
    }

    /// The state after a byte. `None`: the body ends with it.
    fn after(self, byte: u8) -> Option<Self> {
        let digit = char::from(byte).to_digit(16).map(u64::from);
        match (self, byte, digit) {
            (Self::Size(size), _, Some(digit)) => {
                let size = size.unwrap_or(0).checked_mul(16)?;
                Some(Self::Size(Some(size + digit)))
            }
            (Self::Size(Some(size)) | Self::AfterSize(size) | Self::Extension(size), b'\r', _) => {
                Some(Self::SizeEnd(size))
            }
            (Self::Size(Some(size)) | Self::AfterSize(size), b' ' | b'\t', _) => Some(Self::AfterSize(size)),
            (Self::Size(Some(size)) | Self::AfterSize(size), b';', _)
            | (Self::Extension(size), b'\t' | b' '..=b'~' | 0x80.., _) => Some(Self::Extension(size)),
            (Self::SizeEnd(0) | Self::TrailerEnd, b'\n', _) => Some(Self::TrailerOrEnd),
            (Self::SizeEnd(size), b'\n', _) => Some(Self::Data(size)),
            (Self::DataReturn, b'\r', _) => Some(Self::DataEnd),
            (Self::DataEnd, b'\n', _) => Some(Self::Size(None)),
            (Self::TrailerOrEnd, b'\r', _) => Some(Self::End),
            (Self::Trailer, b'\r', _) => Some(Self::TrailerEnd),
            (Self::TrailerOrEnd | Self::Trailer, _, _) => Some(Self::Trailer),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests;
