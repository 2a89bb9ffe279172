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
