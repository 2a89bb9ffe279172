//! The buffer in which the framework gathers what it writes to a connection. It keeps the size to which one
//! response made it grow until the connection closes, so no response may make it large.

/// The framework writes once it has gathered this many bytes, and asks the body for more until then. The
/// heads of most responses are shorter, and so leave with their bodies.
pub(super) const GATHERED: usize = 4 * 1024;

/// The maximum number of bytes by which a body continues. Bytes that the client has not read yet, of which it
/// may have read as many before, and a piece with the frame of a chunk then have 16 KiB, twice the size that
/// the buffer has at first.
pub const PIECE: usize = 8 * 1024 - 256;

const _: () = assert!(2 * GATHERED + PIECE < 16 * 1024);
