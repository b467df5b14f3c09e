//! The names that containers have on networks, and who answers for them.

use super::super::record::Record;
use super::super::spec::ResolverSpec;
use super::super::store::{Container, Containers};
use crate::network::{Attachment, Named, Network, NetworkError};

impl Containers {
    /// Writes all names again: containers may have ended while no engine ran.
    pub(in crate::container) fn refresh_names(&self) {
        for network in self.networks().list().into_iter().filter(|n| n.has_names() && self.networks().names_file(&n.id).exists()) {
            let _ = self.write_names(&network);
        }
    }

    /// Writes the names again on a container's networks, whose own has changed.
    pub(in crate::container) fn renamed(&self, container: &Container) {
        let ids: Vec<_> = container.lock().networks.iter().filter(|p| p.lease.is_some()).map(|p| p.network_id.clone()).collect();
        for network in ids.iter().filter_map(|id| self.networks().get(id).ok()).filter(Network::has_names) {
            let _ = self.write_names(&network);
        }
    }

    pub(super) fn write_names(&self, network: &Network) -> Result<(), NetworkError> {
        // One at a time, so that an older state never follows a newer one.
        let _one = self.inner.naming.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let mut all = Vec::new();
        for container in self.list() {
            let record = container.lock();
            for place in record.networks.iter().filter(|p| p.network_id == network.id) {
                let Some(lease) = &place.lease else { continue };
                if let Some(address) = lease.address {
                    let address6 = lease.six.as_ref().map(|six| six.address);
                    all.push(Named { address, address6, names: dns_names(&record, place) });
                }
            }
        }
        self.networks().write_names(network, all)
    }

    /// Who answers this container's questions for names, if it is on a network that has names.
    pub(super) fn resolver(&self, places: &[Attachment], networks: &[Network]) -> Option<ResolverSpec> {
        let named: Vec<_> = places.iter().zip(networks).filter(|(_, n)| n.has_names()).collect();
        if named.is_empty() {
            return None;
        }
        let files = named.iter().map(|(_, n)| self.networks().names_file(&n.id)).collect();
        let links = named.iter().flat_map(|(p, _)| p.links.iter().flatten()).map(|link| {
            let (target, alias) = link.split_once(':').unwrap_or((link, link));
            (alias.to_owned(), target.to_owned())
        });
        Some(ResolverSpec { files, links: links.collect() })
    }
}

/// The names of a container on a network, as Docker lists them.
pub fn dns_names(record: &Record, place: &Attachment) -> Vec<String> {
    let short = record.id.get(..12).unwrap_or_default().to_owned();
    let mut names = vec![record.name.clone()];
    names.extend(place.aliases.iter().flatten().cloned());
    names.extend([short, record.config.hostname.clone()]);
    let mut seen = std::collections::HashSet::new();
    names.retain(|n| !n.is_empty() && seen.insert(n.clone()));
    names
}
