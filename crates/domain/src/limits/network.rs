//! The networks that rate limits count by.

use std::fmt;
use std::net::IpAddr;

/// A block of addresses whose requests are counted together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Network {
    /// The first address of the block.
    address: IpAddr,
    prefix: u8,
}

/// As `192.0.2.1/32` (RFC 4632, RFC 4291).
impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

/// The network that an address belongs to: an IPv4 address (also when mapped to IPv6) by itself, an IPv6
/// address by its /64, the smallest block that a subscriber gets (RFC 6177).
#[must_use]
pub fn network(address: IpAddr) -> Network {
    match address.to_canonical() {
        IpAddr::V4(v4) => Network { address: v4.into(), prefix: 32 },
        v6 @ IpAddr::V6(_) => Network::block(v6, 64),
    }
}

impl Network {
    /// The number of leading bits that the addresses of the block share.
    #[must_use]
    pub const fn prefix(self) -> u8 {
        self.prefix
    }

    /// Whether the block consists of IPv4 addresses.
    #[must_use]
    pub const fn is_ipv4(self) -> bool {
        self.address.is_ipv4()
    }

    /// The /48 of an IPv6 /64: what one site gets, with 65,536 networks in it. `None` for every other block.
    #[must_use]
    pub fn site(self) -> Option<Self> {
        (!self.is_ipv4() && self.prefix == 64).then(|| Self::block(self.address, 48))
    }

    /// The /32 (IPv4: /16) around the block, about what an Internet provider gets.
    #[must_use]
    pub fn provider(self) -> Self {
        Self::block(self.address, if self.is_ipv4() { 16 } else { 32 })
    }

    fn block(address: IpAddr, prefix: u8) -> Self {
        let address = match address {
            IpAddr::V4(v4) => IpAddr::V4((v4.to_bits() & !(u32::MAX >> prefix)).into()),
            IpAddr::V6(v6) => IpAddr::V6((v6.to_bits() & !(u128::MAX >> prefix)).into()),
        };
        Self { address, prefix }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Network {
        network(text.parse().expect("an address"))
    }

    #[test]
    fn ipv6_addresses_count_by_their_first_64_bits() {
        assert_eq!(of("2001:db8:1:2:3:4:5:6"), of("2001:db8:1:2::"));
        assert_ne!(of("2001:db8:1:3::"), of("2001:db8:1:2::"));
        assert_eq!(of("::ffff:192.0.2.1"), of("192.0.2.1"));
    }

    #[test]
    fn a_network_is_written_as_its_first_address_and_its_prefix() {
        assert_eq!(of("::ffff:192.0.2.1").to_string(), "192.0.2.1/32");
        assert_eq!(of("2001:db8:1:2:3:4:5:6").to_string(), "2001:db8:1:2::/64");
    }

    #[test]
    fn only_ipv6_networks_belong_to_a_site() {
        let site = of("2001:db8:1:2::").site().expect("a site");
        assert_eq!((of("2001:db8:1:ffff::").site(), site.prefix()), (Some(site), 48));
        assert_ne!(of("2001:db8:2::").site(), Some(site));
        assert_eq!((of("192.0.2.1").site(), site.site()), (None, None));
    }

    #[test]
    fn the_networks_of_one_provider_share_their_first_bits() {
        assert_eq!(of("2001:db8:1:2::").provider(), of("2001:db8:ffff::").provider());
        assert_ne!(of("2001:db8::").provider(), of("2001:db9::").provider());
        assert_eq!(of("192.0.2.1").provider(), of("192.0.255.1").provider());
        assert_ne!(of("192.0.2.1").provider(), of("192.1.2.1").provider());
    }
}
