//! A network of addresses, as `10.99.0.0/24` and `fd00::/64` write it: the same for both families.

use std::fmt::{Debug, Display, Formatter, Result as Written};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// An address of one family.
pub trait Address: Copy + Debug + Display + FromStr + Into<IpAddr> {
    const FAMILY: &'static str;
    const BITS: u8;
    /// Whether the last address of a network is everybody's.
    const BROADCASTS: bool;
    fn number(self) -> u128;
    /// The address of a number of at most [`Address::BITS`] bits.
    fn of(number: u128) -> Self;
}

impl Address for Ipv4Addr {
    const FAMILY: &'static str = "IPv4";
    const BITS: u8 = 32;
    const BROADCASTS: bool = true;

    fn number(self) -> u128 {
        u32::from(self).into()
    }

    fn of(number: u128) -> Self {
        u32::try_from(number).unwrap_or(u32::MAX).into()
    }
}

impl Address for Ipv6Addr {
    const FAMILY: &'static str = "IPv6";
    const BITS: u8 = 128;
    const BROADCASTS: bool = false;

    fn number(self) -> u128 {
        self.into()
    }

    fn of(number: u128) -> Self {
        number.into()
    }
}

/// Addresses that have their first bits in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String", bound = "A: Address")]
pub struct Subnet<A> {
    network: A,
    bits: u8,
}

impl<A: Address> Subnet<A> {
    /// The subnet of `bits` width that holds `address`; `None` when there is no such width.
    pub fn new(address: A, bits: u8) -> Option<Self> {
        (bits <= A::BITS).then(|| Subnet { network: A::of(address.number() & !rest::<A>(bits)), bits })
    }

    /// How many bits its addresses have in common.
    pub fn bits(self) -> u8 {
        self.bits
    }

    /// All its addresses, first and last.
    pub fn ends(self) -> (u128, u128) {
        let first = self.network.number();
        (first, first | rest::<A>(self.bits))
    }

    /// The addresses that can be somebody's, first and last.
    pub fn hosts(self) -> (u128, u128) {
        let (first, last) = self.ends();
        // Two addresses and one have no ends of their own.
        if self.bits + 1 >= A::BITS { (first, last) } else { (first + 1, last - u128::from(A::BROADCASTS)) }
    }

    /// Whether `address` is one of it.
    pub fn contains(self, address: A) -> bool {
        address.number() & !rest::<A>(self.bits) == self.network.number()
    }

    /// Whether some address is in both.
    pub fn overlaps(self, other: Subnet<A>) -> bool {
        if self.bits <= other.bits { self.contains(other.network) } else { other.contains(self.network) }
    }
}

/// The bits that the addresses of a subnet of this width differ in.
fn rest<A: Address>(bits: u8) -> u128 {
    u128::MAX.checked_shr(128 - u32::from(A::BITS - bits)).unwrap_or(0)
}

impl<A: Address> Display for Subnet<A> {
    fn fmt(&self, f: &mut Formatter<'_>) -> Written {
        write!(f, "{}/{}", self.network, self.bits)
    }
}

impl<A: Address> FromStr for Subnet<A> {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parsed = text.split_once('/').and_then(|(address, bits)| {
            let digits = !bits.is_empty() && bits.len() <= 3 && bits.bytes().all(|b| b.is_ascii_digit());
            Subnet::new(address.parse().ok()?, bits.parse().ok().filter(|_| digits)?)
        });
        parsed.ok_or_else(|| format!("invalid CIDR address: {text}"))
    }
}

impl<A: Address> TryFrom<String> for Subnet<A> {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl<A: Address> From<Subnet<A>> for String {
    fn from(subnet: Subnet<A>) -> String {
        subnet.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn four(text: &str) -> Subnet<Ipv4Addr> {
        text.parse().unwrap()
    }

    fn six(text: &str) -> Subnet<Ipv6Addr> {
        text.parse().unwrap()
    }

    #[test]
    fn what_is_written_is_read() {
        assert_eq!(four("10.99.0.7/24").to_string(), "10.99.0.0/24");
        assert_eq!(four("0.0.0.0/0").hosts(), (1, (u32::MAX - 1).into()));
        assert_eq!(four("10.0.0.1/32").hosts(), (0x0a00_0001, 0x0a00_0001));
        for bad in ["", "10.0.0.0", "10.0.0.0/33", "10.0.0.0/+8", "10.0.0/8", "fd00::/8"] {
            assert!(bad.parse::<Subnet<Ipv4Addr>>().is_err(), "{bad}");
        }
        assert_eq!(six("fd00:1::7/64").to_string(), "fd00:1::/64");
        assert_eq!(six("fd00::/126").hosts(), (0xfd << 120 | 1, 0xfd << 120 | 3));
        assert_eq!(six("::/0").ends(), (0, u128::MAX));
        for bad in ["", "fd00::", "fd00::/129", "fd00::/+8", "10.0.0.0/8", "::/1000"] {
            assert!(bad.parse::<Subnet<Ipv6Addr>>().is_err(), "{bad}");
        }
    }

    #[test]
    fn overlaps_are_seen_from_both_sides() {
        let (wide, narrow, beside) = (four("172.16.0.0/12"), four("172.17.3.0/24"), four("172.32.0.0/16"));
        assert!(wide.overlaps(narrow) && narrow.overlaps(wide));
        assert!(!wide.overlaps(beside) && !beside.overlaps(wide));
        assert!(wide.contains(Ipv4Addr::new(172, 31, 255, 255)) && !wide.contains(Ipv4Addr::new(172, 32, 0, 0)));
        let (all, one) = (six("::/0"), six("fd00:1::/64"));
        assert!(all.contains(Ipv6Addr::LOCALHOST) && all.overlaps(one) && one.overlaps(all));
    }
}
