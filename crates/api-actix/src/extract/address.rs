//! The client address of a request, for rate limits and the list of devices.

use std::net::{IpAddr, SocketAddr};
use std::sync::Once;

use actix_web::HttpRequest;
use actix_web::http::header::{FORWARDED, HeaderMap, HeaderName, X_FORWARDED_FOR};
use domain::limits::{Network, network};
use ipnet::IpNet;

/// The address of the peer or, if that is a trusted proxy, the right-most address in `X-Forwarded-For`
/// that is not a trusted proxy. `Forwarded` (RFC 7239 section 5.2) is read if there is no
/// `X-Forwarded-For`. Clients can forge everything to the left of that address.
pub(super) fn address(request: &HttpRequest, trusted: &[IpNet]) -> Option<IpAddr> {
    let peer = request.peer_addr()?.ip().to_canonical();
    let headers = request.headers();
    let read = |name, node: fn(&str) -> Option<IpAddr>| {
        let hops = || list(headers, name).into_iter().map(node).collect();
        headers.contains_key(name).then(|| right_most_untrusted(peer, hops(), trusted))
    };
    let found = (read(&X_FORWARDED_FOR, node), read(&FORWARDED, |hop| r#for(hop).and_then(node)));
    if found != (None, None) && !trusted.iter().any(|net| net.contains(&peer)) {
        warn_of_untrusted_proxy(peer);
    }
    if let (Some(counted), Some(other)) = found
        && counted != other
    {
        warn_of_two_clients(peer);
    }
    Some(found.0.or(found.1).unwrap_or(peer))
}

/// The network of the client that a proxy forwards, if the proxy names one.
pub fn client_network(request: &HttpRequest, trusted: &[IpNet]) -> Option<Network> {
    let address = address(request, trusted)?;
    (!trusted.iter().any(|net| net.contains(&address))).then(|| network(address))
}

/// Logs once that clients may share the limits of a proxy. The header may also be a client's own.
fn warn_of_untrusted_proxy(peer: IpAddr) {
    static WARNED: Once = Once::new();
    WARNED.call_once(|| {
        tracing::warn!(
            %peer,
            "ignored the forwarding header of a peer that TRUSTED_PROXIES does not list: if it is a proxy, all of its \
             clients share the rate limits of one address"
        );
    });
}

/// Logs once that a proxy may let clients choose their address. The header that does not count may also be a
/// client's own.
fn warn_of_two_clients(peer: IpAddr) {
    static WARNED: Once = Once::new();
    WARNED.call_once(|| {
        tracing::warn!(
            %peer,
            "X-Forwarded-For and Forwarded from a trusted proxy name different clients, and X-Forwarded-For counts: \
             the proxy must set or remove X-Forwarded-For, or clients can choose their address"
        );
    });
}

fn right_most_untrusted(peer: IpAddr, hops: Vec<Option<IpAddr>>, trusted: &[IpNet]) -> IpAddr {
    let is_proxy = |address: &IpAddr| trusted.iter().any(|net| net.contains(address));
    let mut nearest = peer;
    for hop in hops.into_iter().rev() {
        match hop {
            // Stop at a hop without an address: only the proxy that recorded it is known.
            Some(hop) if is_proxy(&nearest) => nearest = hop,
            _ => break,
        }
    }
    nearest
}

/// The entries of a list. One that is not text is empty: it must not hide the others, which proxies
/// added after it.
fn list<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Vec<&'a str> {
    let entries = headers.get_all(name).flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
    entries.map(|entry| str::from_utf8(entry).unwrap_or_default().trim()).collect()
}

fn r#for(hop: &str) -> Option<&str> {
    let pairs = hop.split(';').filter_map(|pair| pair.split_once('='));
    let mut nodes = pairs.filter(|(name, _)| name.trim().eq_ignore_ascii_case("for"));
    nodes.next().map(|(_, value)| value.trim().trim_matches('"'))
}

/// Parses an address, with or without brackets and a port.
fn node(text: &str) -> Option<IpAddr> {
    let bare = || text.strip_prefix('[')?.strip_suffix(']')?.parse().ok();
    let with_port = || text.parse().ok().map(|address: SocketAddr| address.ip());
    text.parse().ok().or_else(bare).or_else(with_port).map(|address: IpAddr| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderValue;
    use actix_web::test::TestRequest;

    use super::*;

    fn of<T: AsRef<[u8]>>(peer: &str, headers: &[(&str, T)]) -> String {
        let trusted = ["10.0.0.0/8", "2001:db8:ffff::/48"].map(|net| net.parse().expect("a network"));
        let mut request = TestRequest::get().peer_addr(format!("{peer}:5000").parse().expect("an address"));
        for (name, value) in headers {
            let value = HeaderValue::from_bytes(value.as_ref()).expect("a value");
            request = request.append_header((*name, value));
        }
        address(&request.to_http_request(), &trusted).expect("has a peer").to_string()
    }

    const XFF: &str = "x-forwarded-for";

    #[test]
    fn only_a_trusted_proxy_is_believed() {
        assert_eq!(of("192.0.2.1", &[(XFF, "198.51.100.7")]), "192.0.2.1");
        assert_eq!(of("10.0.0.1", &[(XFF, "198.51.100.7")]), "198.51.100.7");
        assert_eq!(of("[::ffff:10.0.0.1]", &[(XFF, "198.51.100.7")]), "198.51.100.7");
        assert_eq!(of::<&str>("10.0.0.1", &[]), "10.0.0.1");
    }

    #[test]
    fn an_entry_that_is_no_text_hides_no_entry_to_its_right() {
        for garbage in [&b"\xff"[..], b"caf\xc3\xa9", b"1.2.3.4\x80", b"\xfe, 10.0.0.3"] {
            let before = |rest: &str| [garbage, b", ", rest.as_bytes()].concat();
            assert_eq!(of("10.0.0.1", &[(XFF, before("198.51.100.7"))]), "198.51.100.7");
            assert_eq!(of("10.0.0.1", &[(XFF, before("198.51.100.7, 10.0.0.2"))]), "198.51.100.7");
            assert_eq!(of("10.0.0.1", &[(XFF, garbage), (XFF, b"198.51.100.8")]), "198.51.100.8");
            assert_eq!(of("10.0.0.1", &[("forwarded", before("for=198.51.100.9"))]), "198.51.100.9");
            // Nothing but the garbage: the proxy that passed it on is all that is known.
            assert_eq!(
                of("10.0.0.1", &[(XFF, before("10.0.0.2"))]),
                if garbage.ends_with(b"10.0.0.3") { "10.0.0.3" } else { "10.0.0.2" }
            );
        }
    }

    #[test]
    fn the_right_most_address_that_is_not_a_proxy_counts() {
        assert_eq!(of("10.0.0.1", &[(XFF, "1.2.3.4, 198.51.100.7, 10.0.0.2")]), "198.51.100.7");
        assert_eq!(of("10.0.0.1", &[(XFF, "1.2.3.4"), (XFF, "198.51.100.7")]), "198.51.100.7");
        assert_eq!(of("10.0.0.1", &[(XFF, "10.0.0.3, 10.0.0.2")]), "10.0.0.3");
        assert_eq!(of("10.0.0.1", &[(XFF, "1.2.3.4, unknown, 10.0.0.2")]), "10.0.0.2");
        assert_eq!(of("10.0.0.1", &[(XFF, "1.2.3.4, ")]), "10.0.0.1");
    }

    #[test]
    fn forwarded_is_read_if_there_is_no_other_header() {
        let forwarded = r#"for=1.2.3.4, by=10.0.0.9; For="[2001:db8::7]:4711", for=10.0.0.2"#;
        assert_eq!(of("10.0.0.1", &[("forwarded", forwarded)]), "2001:db8::7");
        assert_eq!(of("10.0.0.1", &[("forwarded", "for=1.2.3.4"), (XFF, "198.51.100.7")]), "198.51.100.7");
        assert_eq!(of("10.0.0.1", &[("forwarded", "for=1.2.3.4, for=_hidden")]), "10.0.0.1");
    }

    #[test]
    fn ports_and_brackets_are_not_part_of_an_address() {
        for (text, expected) in [
            ("192.0.2.1:80", Some("192.0.2.1")),
            ("[2001:db8::1]", Some("2001:db8::1")),
            ("[2001:db8::1]:80", Some("2001:db8::1")),
            ("::ffff:192.0.2.1", Some("192.0.2.1")),
            ("192.0.2.256", None),
            ("", None),
        ] {
            assert_eq!(node(text).map(|address| address.to_string()).as_deref(), expected, "{text}");
        }
    }
}
