use actix_http::h1::{Codec, Message};
use actix_web::web::BytesMut;
use proptest::prelude::*;
use tokio_util::codec::Decoder as _;

use super::*;

/// How many bytes of a body pass if they arrive in pieces of this length.
fn passed(body: Body, bytes: &[u8], piece: usize) -> usize {
    let mut next = Next::body(body);
    let mut all = 0;
    for piece in bytes.chunks(piece) {
        let (passed, is_complete) = next.pass(piece);
        all += passed;
        if is_complete {
            return all;
        }
    }
    all
}

fn head(bytes: &[u8], piece: usize) -> (usize, Option<u64>) {
    let mut next = Next::HEAD;
    let mut all = 0;
    for piece in bytes.chunks(piece) {
        let (passed, is_complete) = next.pass(piece);
        all += passed;
        if is_complete {
            break;
        }
    }
    let Next::Head(head) = next else { panic!("{next:?}") };
    (all, head.length())
}

#[test]
fn a_head_ends_at_its_empty_line_however_it_arrives() {
    for end in ["\r\n", "\n"] {
        let text = format!("{end}GET / HTTP/1.1{end}Host: a{end}{end}");
        let bytes = format!("{text}GET /next HTTP/1.1{end}{end}");
        for piece in 1..bytes.len() {
            assert_eq!(head(bytes.as_bytes(), piece).0, text.len(), "{bytes:?} in pieces of {piece}");
        }
    }
}

#[test]
fn a_head_tells_the_length_of_its_body_unless_it_is_split_or_chunked() {
    let length = |lines: &str| {
        let bytes = format!("POST / HTTP/1.1\r\n{lines}\r\n");
        let whole = head(bytes.as_bytes(), bytes.len());
        assert_eq!(whole.0, bytes.len());
        assert_eq!(head(bytes.as_bytes(), bytes.len() - 1), (bytes.len(), None), "split");
        whole.1
    };
    assert_eq!(length("Host: a\r\n"), Some(0));
    assert_eq!(length("Host: a\r\ncontent-LENGTH:\t17 \r\nA: b\r\n"), Some(17));
    assert_eq!(length("Content-Length: x\r\n"), None);
    assert_eq!(length("Transfer-Encoding: chunked\r\n"), None);
}

#[test]
fn a_body_ends_after_its_length_or_its_last_chunk_however_it_arrives() {
    let chunks = "5;a=b\r\nhello\r\n1A \r\nabcdefghijklmnopqrstuvwxy\n\r\n0\r\n";
    for (body, text) in [
        (Body::Sized(0), String::new()),
        (Body::Sized(3), "\n\n\n".to_owned()),
        (Body::Chunked, format!("{chunks}\r\n")),
        (Body::Chunked, format!("{chunks}Trailer: a\r\n\r\n")),
    ] {
        let bytes = format!("{text}GET / HTTP/1.1\r\n\r\n");
        for piece in 1..bytes.len() {
            assert_eq!(passed(body, bytes.as_bytes(), piece), text.len(), "{bytes:?} in pieces of {piece}");
        }
    }
}

/// Where the framework finds the end of chunks. `None`: it misses more, or has found a fault.
fn end_for_the_framework(bytes: &[u8]) -> Option<usize> {
    let mut codec = Codec::default();
    let mut buf = BytesMut::from("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n");
    buf.extend_from_slice(bytes);
    loop {
        match codec.decode(&mut buf) {
            Ok(Some(Message::Chunk(None))) => return Some(bytes.len() - buf.len()),
            Ok(Some(Message::Item(_) | Message::Chunk(Some(_)))) => {}
            Ok(None) | Err(_) => return None,
        }
    }
}

// The framework's codec needs a runtime.
#[actix_web::test]
async fn chunks_end_where_they_end_for_the_framework() {
    proptest!(|(
        chunk in "(2[ ;]{0,2}\r\nab\r\n)?",
        end in "0[ \t;a]{0,2}\r?\n[a:\r\n ]{0,9}(\r\n\r\n)?GET",
        piece in 1_usize..20,
    )| {
        let bytes = chunk + &end;
        if let Some(end) = end_for_the_framework(bytes.as_bytes()) {
            prop_assert_eq!(passed(Body::Chunked, bytes.as_bytes(), piece), end);
        }
    });
}

#[test]
fn malformed_chunks_end_at_their_fault() {
    for (bytes, fault) in [
        ("GET /", 1),
        ("\r\n", 1),
        ("1\n", 2),
        ("1\r\nab", 5),
        ("0\r\n\rG", 5),
        ("0\r\nA: b\rG", 9),
        ("11111111111111111\r\n", 17),
        (";\r\n", 1),
    ] {
        assert_eq!(passed(Body::Chunked, bytes.as_bytes(), bytes.len()), fault, "{bytes:?}");
    }
}
