//! Content that all responses share. It is compressed once: compression for each response takes a quarter of
//! a megabyte for as long as its client reads.

use std::io::{self, Read as _, Write as _};
use std::sync::OnceLock;

use actix_web::web::Bytes;
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;

/// Smaller content is not worth compressing, in bytes.
const MIN_COMPRESSED: usize = 1024;

/// Content as it is and compressed.
#[derive(Debug)]
pub struct Content {
    bytes: Bytes,
    compressed: OnceLock<Option<Bytes>>,
}

impl Content {
    pub fn new(bytes: impl Into<Bytes>) -> Self {
        Self { bytes: bytes.into(), compressed: OnceLock::new() }
    }

    /// The content of these bytes in gzip.
    pub fn from_gzip(compressed: Bytes) -> io::Result<Self> {
        let mut bytes = Vec::new();
        GzDecoder::new(&*compressed).read_to_end(&mut bytes)?;
        Ok(Self { bytes: bytes.into(), compressed: OnceLock::from(Some(compressed)) })
    }

    /// The content as it is.
    pub fn bytes(&self) -> Bytes {
        self.bytes.clone()
    }

    /// The content in gzip; `None` where that saves nothing. The first call compresses.
    pub fn gzip(&self) -> Option<Bytes> {
        let compress = || {
            let mut encoder = GzEncoder::new(Vec::new(), Compression::new(7));
            let done = encoder.write_all(&self.bytes).and_then(|()| encoder.finish()).ok()?;
            (done.len() < self.bytes.len() / 10 * 9).then(|| done.into())
        };
        self.compressed
            .get_or_init(|| if self.bytes.len() < MIN_COMPRESSED { None } else { compress() })
            .clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_is_compressed_once_and_is_the_same_from_gzip() {
        let text = "all the same ".repeat(1_000);
        let content = Content::new(text.clone());
        let compressed = content.gzip().expect("it is long");
        assert!(compressed.len() < text.len() / 10);
        assert_eq!(content.gzip().expect("it is long").as_ptr(), compressed.as_ptr());
        let stored = Content::from_gzip(compressed.clone()).expect("it is gzip");
        assert_eq!((stored.bytes(), stored.gzip()), (text.into(), Some(compressed)));
        assert_eq!(Content::new("short").gzip(), None);
        assert!(Content::from_gzip("no gzip".into()).is_err());
    }
}
