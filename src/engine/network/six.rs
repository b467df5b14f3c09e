//! IPv6 on a network: a subnet of its own beside the IPv4 one, and a container's place in it.

use std::collections::BTreeSet;
use std::fmt;
use std::net::Ipv6Addr;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Addresses that have their first bits in common, as `fd00::/64` writes them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Subnet6 {
    network: u128,
    bits: u8,
}

/// What a network has of IPv6.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Six {
    pub subnet: Subnet6,
    pub gateway: Ipv6Addr,
}

/// What a running container has of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place6 {
    pub address: Ipv6Addr,
    pub bits: u8,
    /// Where the network leads elsewhere.
    pub gateway: Option<Ipv6Addr>,
}

impl Subnet6 {
    /// How many bits its addresses have in common.
    pub fn bits(self) -> u8 {
        self.bits
    }

    /// Its first address that can be somebody's.
    pub fn first(self) -> Ipv6Addr {
        Ipv6Addr::from(self.network | 1)
    }

    /// Whether `address` is one of it.
    pub fn contains(self, address: Ipv6Addr) -> bool {
        u128::from(address) & mask(self.bits) == self.network
    }

    /// Whether some address is in both.
    pub fn overlaps(self, other: Subnet6) -> bool {
        let bits = self.bits.min(other.bits);
        self.network & mask(bits) == other.network & mask(bits)
    }

    /// Its lowest address that is not `taken`.
    pub fn free(self, taken: &BTreeSet<Ipv6Addr>) -> Option<Ipv6Addr> {
        let last = self.network | !mask(self.bits);
        // More than are taken need not be looked at.
        let tries = u128::try_from(taken.len()).unwrap_or(u128::MAX - 2) + 2;
        (1..=tries).filter_map(|n| self.network.checked_add(n)).take_while(|a| *a <= last).map(Ipv6Addr::from).find(|a| !taken.contains(a))
    }
}

fn mask(bits: u8) -> u128 {
    u128::MAX.checked_shl(128 - u32::from(bits)).unwrap_or(0)
}

impl fmt::Display for Subnet6 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", Ipv6Addr::from(self.network), self.bits)
    }
}

impl FromStr for Subnet6 {
    type Err = String;

    fn from_str(text: &str) -> Result<Subnet6, String> {
        let parsed = text.split_once('/').and_then(|(address, bits)| {
            let digits = !bits.is_empty() && bits.len() <= 3 && bits.bytes().all(|b| b.is_ascii_digit());
            let bits: u8 = bits.parse().ok().filter(|bits| digits && *bits <= 128)?;
            Some(Subnet6 { network: u128::from(address.parse::<Ipv6Addr>().ok()?) & mask(bits), bits })
        });
        parsed.ok_or_else(|| format!("invalid CIDR address: {text}"))
    }
}

impl TryFrom<String> for Subnet6 {
    type Error = String;

    fn try_from(text: String) -> Result<Subnet6, String> {
        text.parse()
    }
}

impl From<Subnet6> for String {
    fn from(subnet: Subnet6) -> String {
        subnet.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let subnet: Subnet6 = "fd00:1::7/64".parse().unwrap();
        assert_eq!((subnet.to_string().as_str(), subnet.first().to_string().as_str()), ("fd00:1::/64", "fd00:1::1"));
        for bad in ["", "fd00::", "fd00::/129", "fd00::/+8", "10.0.0.0/8", "::/1000"] {
            assert!(bad.parse::<Subnet6>().is_err(), "{bad}");
        }
        let all: Subnet6 = "::/0".parse().unwrap();
        assert!(all.contains(Ipv6Addr::LOCALHOST) && all.overlaps(subnet) && subnet.overlaps(all));
    }

    #[test]
    fn the_lowest_address_is_given() {
        let subnet: Subnet6 = "fd00::/126".parse().unwrap();
        let mut taken = BTreeSet::new();
        let given: Vec<_> = std::iter::from_fn(|| subnet.free(&taken).filter(|a| taken.insert(*a))).map(|a| a.to_string()).collect();
        assert_eq!(given, ["fd00::1", "fd00::2", "fd00::3"]);
    }
}
