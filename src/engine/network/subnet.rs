//! A network of IPv4 addresses, as `10.99.0.0/24` writes it.

use std::fmt;
use std::net::Ipv4Addr;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Addresses that have their first bits in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Subnet {
    network: u32,
    bits: u8,
}

impl Subnet {
    /// The subnet of `bits` width that holds `address`; `None` when there is no such width.
    pub fn new(address: Ipv4Addr, bits: u8) -> Option<Subnet> {
        (bits <= 32).then(|| Subnet { network: u32::from(address) & mask(bits), bits })
    }

    /// How many bits its addresses have in common.
    pub fn bits(self) -> u8 {
        self.bits
    }

    /// Its first address, which is nobody's.
    pub fn network(self) -> Ipv4Addr {
        self.network.into()
    }

    /// The addresses that can be somebody's, first and last.
    pub fn hosts(self) -> (u32, u32) {
        let last = self.network | !mask(self.bits);
        // Two addresses and one have no ends of their own.
        if self.bits >= 31 { (self.network, last) } else { (self.network + 1, last - 1) }
    }

    /// Whether `address` is one of it.
    pub fn contains(self, address: Ipv4Addr) -> bool {
        u32::from(address) & mask(self.bits) == self.network
    }

    /// Whether some address is in both.
    pub fn overlaps(self, other: Subnet) -> bool {
        let bits = self.bits.min(other.bits);
        self.network & mask(bits) == other.network & mask(bits)
    }
}

fn mask(bits: u8) -> u32 {
    u32::MAX.checked_shl(32 - u32::from(bits)).unwrap_or(0)
}

impl fmt::Display for Subnet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.network(), self.bits)
    }
}

impl FromStr for Subnet {
    type Err = String;

    fn from_str(text: &str) -> Result<Subnet, String> {
        let parsed = text.split_once('/').and_then(|(address, bits)| {
            let digits = !bits.is_empty() && bits.len() <= 2 && bits.bytes().all(|b| b.is_ascii_digit());
            Subnet::new(address.parse().ok()?, bits.parse().ok().filter(|_| digits)?)
        });
        parsed.ok_or_else(|| format!("invalid CIDR address: {text}"))
    }
}

impl TryFrom<String> for Subnet {
    type Error = String;

    fn try_from(text: String) -> Result<Subnet, String> {
        text.parse()
    }
}

impl From<Subnet> for String {
    fn from(subnet: Subnet) -> String {
        subnet.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subnet(text: &str) -> Subnet {
        text.parse().unwrap()
    }

    #[test]
    fn what_is_written_is_read() {
        assert_eq!(subnet("10.99.0.7/24").to_string(), "10.99.0.0/24");
        assert_eq!(subnet("0.0.0.0/0").hosts(), (1, u32::MAX - 1));
        assert_eq!(subnet("10.0.0.1/32").hosts(), (0x0a00_0001, 0x0a00_0001));
        for bad in ["", "10.0.0.0", "10.0.0.0/33", "10.0.0.0/+8", "10.0.0/8", "fd00::/8"] {
            assert!(bad.parse::<Subnet>().is_err(), "{bad}");
        }
    }

    #[test]
    fn overlaps_are_seen_from_both_sides() {
        let (wide, narrow, beside) = (subnet("172.16.0.0/12"), subnet("172.17.3.0/24"), subnet("172.32.0.0/16"));
        assert!(wide.overlaps(narrow) && narrow.overlaps(wide));
        assert!(!wide.overlaps(beside) && !beside.overlaps(wide));
        assert!(wide.contains(Ipv4Addr::new(172, 31, 255, 255)) && !wide.contains(Ipv4Addr::new(172, 32, 0, 0)));
    }
}
