//! What a network has to give of one family of addresses, and the choice of one.

use std::collections::BTreeSet;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::record::Pool;
use super::subnet::{Address, Subnet};
use super::{Network, NetworkError};

/// A subnet, the part of it that addresses are given from, and the address of the network itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(bound = "A: Address + Serialize + serde::de::DeserializeOwned")]
pub struct Block<A> {
    pub subnet: Subnet<A>,
    #[serde(default)]
    pub range: Option<Subnet<A>>,
    pub gateway: A,
}

impl<A: Address> Block<A> {
    /// A subnet whose first address is the gateway.
    pub fn new(subnet: Subnet<A>) -> Block<A> {
        Block { subnet, range: None, gateway: A::of(subnet.hosts().0) }
    }

    /// Works out what a pool describes, which may share no address with `others`.
    pub fn of(pool: &Pool, mut others: impl Iterator<Item = Subnet<A>>) -> Result<Block<A>, NetworkError> {
        let subnet: Subnet<A> = pool.subnet.parse().map_err(NetworkError::Invalid)?;
        if subnet.bits() + 2 > A::BITS {
            return Err(NetworkError::Invalid(format!("invalid subnet {subnet}: it has no room for a gateway and a container")));
        }
        if others.any(|other| other.overlaps(subnet)) {
            return Err(NetworkError::Forbidden("Pool overlaps with other one on this address space".to_owned()));
        }
        let within = |what: &str, text: &str| {
            let address = text.split('/').next().and_then(|a| a.parse::<A>().ok());
            address
                .filter(|a| subnet.contains(*a))
                .ok_or_else(|| NetworkError::Invalid(format!("invalid network config:\ninvalid {what} {text}: parent subnet is {subnet}")))
        };
        let mut block = Block::new(subnet);
        if !pool.gateway.is_empty() {
            block.gateway = within("gateway", &pool.gateway)?;
        }
        if !pool.range.is_empty() {
            within("ip-range", &pool.range)?;
            let range: Subnet<A> = pool.range.parse().map_err(NetworkError::Invalid)?;
            if range.bits() < subnet.bits() {
                return Err(NetworkError::Invalid(format!(
                    "invalid network config:\ninvalid ip-range {range}: it is bigger than its associated subnet {subnet}"
                )));
            }
            block.range = Some(range);
        }
        for (_, other) in pool.others.iter().flatten() {
            within("auxiliary address", other)?;
        }
        Ok(block)
    }

    /// Chooses an address that is not `taken`: `wanted`, or the lowest.
    pub fn choose(&self, network: &Network, taken: &BTreeSet<IpAddr>, wanted: Option<A>) -> Result<A, NetworkError> {
        let others = network.pools.iter().flat_map(|pool| pool.others.iter().flatten());
        let mut busy: BTreeSet<IpAddr> = others.filter_map(|(_, text)| text.parse().ok()).collect();
        busy.insert(self.gateway.into());
        let is_free = |address: &A| !busy.contains(&(*address).into()) && !taken.contains(&(*address).into());
        match wanted {
            Some(address) if !self.subnet.contains(address) => Err(NetworkError::Invalid(outside(address))),
            Some(address) if !is_free(&address) => Err(NetworkError::Forbidden("Address already in use".to_owned())),
            Some(address) => Ok(address),
            None => {
                let (first, last) = self.subnet.hosts();
                // A range is no network of its own: its ends can be given, unless they are the network's.
                let (low, high) = self.range.map_or((first, last), Subnet::ends);
                let free = (low.max(first)..=high.min(last)).map(A::of).find(is_free);
                free.ok_or_else(|| {
                    let (family, name, id) = (A::FAMILY, &network.name, &network.id);
                    NetworkError::Failed(format!("no available {family} addresses on this network's address pools: {name} ({id})"))
                })
            }
        }
    }
}

/// Docker's words for an address of no subnet.
pub fn outside(address: impl Address) -> String {
    format!("no configured subnet or ip-range contain the IP address {address}")
}
