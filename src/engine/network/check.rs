//! Whether what a request says of a network's addresses fits together, in Docker's words where it does not: all of it at once.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::record::Pool;
use super::{NetworkError, Subnet};

/// An address and how many of its bits are a network's, as it was written.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Prefix {
    address: IpAddr,
    bits: u8,
}

impl Prefix {
    fn parse(text: &str) -> Option<Prefix> {
        let (address, _) = text.split_once('/')?;
        let address: IpAddr = address.parse().ok()?;
        let bits = match address {
            IpAddr::V4(_) => text.parse::<Subnet<Ipv4Addr>>().ok()?.bits(),
            IpAddr::V6(_) => text.parse::<Subnet<Ipv6Addr>>().ok()?.bits(),
        };
        Some(Prefix { address, bits })
    }

    /// The network that it is in.
    fn masked(self) -> Prefix {
        let network = match self.address {
            IpAddr::V4(address) => {
                Subnet::new(address, self.bits).map(|s| s.ends().0).and_then(|n| u32::try_from(n).ok()).map(|n| Ipv4Addr::from(n).into())
            }
            IpAddr::V6(address) => Subnet::new(address, self.bits).map(|s| Ipv6Addr::from(s.ends().0).into()),
        };
        Prefix { address: network.unwrap_or(self.address), ..self }
    }

    fn family(self) -> &'static str {
        family(self.address)
    }

    fn contains(self, address: IpAddr) -> bool {
        family(address) == self.family() && Prefix { address, ..self }.masked() == self.masked()
    }

    fn overlaps(self, other: Prefix) -> bool {
        if self.bits <= other.bits { self.contains(other.address) } else { other.contains(self.address) }
    }
}

impl std::fmt::Display for Prefix {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.address, self.bits)
    }
}

fn family(address: IpAddr) -> &'static str {
    if address.is_ipv4() { "IPv4" } else { "IPv6" }
}

/// Refuses pools that say what cannot be. A pool without a subnet is left to who chooses one.
pub(super) fn check(pools: &[Pool], ipv6: bool) -> Result<(), NetworkError> {
    let mut wrong = Vec::new();
    for pool in pools.iter().filter(|pool| !pool.subnet.is_empty()) {
        let Some(subnet) = Prefix::parse(&pool.subnet) else {
            wrong.push(format!("invalid subnet {}: invalid CIDR block notation", pool.subnet));
            continue;
        };
        if subnet.address.is_ipv6() && !ipv6 {
            continue;
        }
        if subnet != subnet.masked() {
            wrong.push(format!("invalid subnet {subnet}: it should be {}", subnet.masked()));
        }
        check_range(&pool.range, subnet, &mut wrong);
        if let Err(why) = check_address(&pool.gateway, subnet) {
            wrong.push(format!("invalid gateway {}: {why}", pool.gateway));
        }
        for (name, address) in pool.others.iter().flatten() {
            if let Err(why) = check_address(address, subnet) {
                wrong.push(format!("invalid auxiliary address {name}: {why}"));
            }
        }
    }
    let text = match wrong.as_slice() {
        [] => return Ok(()),
        [one] => one.clone(),
        several => several.iter().map(|line| format!("* {line}")).collect::<Vec<_>>().join("\n"),
    };
    Err(NetworkError::Invalid(format!("invalid network config:\n{text}")))
}

fn check_range(text: &str, subnet: Prefix, wrong: &mut Vec<String>) {
    if text.is_empty() {
        return;
    }
    let Some(range) = Prefix::parse(text) else {
        return wrong.push(format!("invalid ip-range {text}: invalid CIDR block notation"));
    };
    if range.family() != subnet.family() {
        return wrong.push(format!("invalid ip-range {text}: parent subnet is an {} block", subnet.family()));
    }
    if range.bits < subnet.bits {
        wrong.push(format!("invalid ip-range {text}: CIDR block is bigger than its parent subnet {subnet}"));
    }
    if range != range.masked() {
        wrong.push(format!("invalid ip-range {range}: it should be {}", range.masked()));
    }
    if !subnet.overlaps(range) {
        wrong.push(format!("invalid ip-range {text}: parent subnet {subnet} doesn't contain ip-range"));
    }
}

fn check_address(text: &str, subnet: Prefix) -> Result<(), String> {
    if text.is_empty() {
        return Ok(());
    }
    let address: IpAddr = text.parse().map_err(|_| "invalid address".to_owned())?;
    if family(address) != subnet.family() {
        return Err(format!("parent subnet is an {} block", subnet.family()));
    }
    if !subnet.contains(address) {
        return Err(format!("parent subnet {subnet} doesn't contain this address"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pool(subnet: &str, range: &str, gateway: &str) -> Pool {
        Pool { subnet: subnet.to_owned(), range: range.to_owned(), gateway: gateway.to_owned(), ..Pool::default() }
    }

    #[test]
    fn all_that_is_wrong_is_said() {
        assert!(check(&[pool("10.1.0.0/16", "10.1.2.0/24", "10.1.9.9"), pool("", "", ""), pool("fd00::1/64", "", "")], false).is_ok());
        let said = |pools: &[Pool], ipv6| check(pools, ipv6).unwrap_err().to_string();
        assert_eq!(
            said(&[pool("10.1.1.5/24", "", "")], false),
            "invalid network config:\ninvalid subnet 10.1.1.5/24: it should be 10.1.1.0/24"
        );
        assert_eq!(said(&[pool("fd00::1/64", "", "")], true), "invalid network config:\ninvalid subnet fd00::1/64: it should be fd00::/64");
        assert_eq!(said(&[pool("bad", "", "")], false), "invalid network config:\ninvalid subnet bad: invalid CIDR block notation");
        let several = said(&[pool("10.1.0.0/16", "10.2.0.7/8", "fd00::1")], false);
        let lines = [
            "invalid network config:",
            "* invalid ip-range 10.2.0.7/8: CIDR block is bigger than its parent subnet 10.1.0.0/16",
            "* invalid ip-range 10.2.0.7/8: it should be 10.0.0.0/8",
            "* invalid gateway fd00::1: parent subnet is an IPv4 block",
        ];
        assert_eq!(several, lines.join("\n"));
        let outside = said(&[pool("10.1.0.0/16", "10.2.0.0/24", "10.9.0.1")], false);
        assert!(outside.contains("10.2.0.0/24: parent subnet 10.1.0.0/16 doesn't contain ip-range"), "{outside}");
        assert!(outside.contains("10.9.0.1: parent subnet 10.1.0.0/16 doesn't contain this address"), "{outside}");
    }
}
