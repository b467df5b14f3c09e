//! Who has which name on a network: a file that the engine writes and the containers' monitors read, so that names are answered while no
//! engine runs.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::path::Path;

use serde::{Deserialize, Serialize};

/// One container on a network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Named {
    pub address: Ipv4Addr,
    #[serde(default)]
    pub address6: Option<Ipv6Addr>,
    /// Its own name first, then aliases and the short id.
    pub names: Vec<String>,
}

/// The names on one network.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Names {
    pub network: String,
    pub all: Vec<Named>,
}

impl Names {
    /// Reads them; none where there is no file.
    pub fn read(path: &Path) -> Names {
        std::fs::read(path).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default()
    }

    /// Writes them beside and puts them in place.
    pub fn write(&self, path: &Path) -> io::Result<()> {
        let folder = path.parent().unwrap_or(Path::new("."));
        let mut file = tempfile::Builder::new().prefix(".new").tempfile_in(folder)?;
        serde_json::to_writer(file.as_file_mut(), self)?;
        file.persist(path).map(drop).map_err(|e| e.error)
    }

    /// Those with a name, with or without the network's name behind it. The case of letters does not matter.
    pub fn find(&self, name: &str) -> Vec<&Named> {
        let suffix = name
            .len()
            .checked_sub(self.network.len() + 1)
            .filter(|at| name.is_char_boundary(*at) && name[*at..].starts_with('.') && name[at + 1..].eq_ignore_ascii_case(&self.network));
        let plain = suffix.map(|at| &name[..at]);
        let is = |own: &String| own.eq_ignore_ascii_case(name) || plain.is_some_and(|p| own.eq_ignore_ascii_case(p));
        self.all.iter().filter(|one| one.names.iter().any(is)).collect()
    }

    /// The name of an address, with the network's behind it.
    pub fn name_of(&self, address: Ipv4Addr) -> Option<String> {
        let one = self.all.iter().find(|one| one.address == address)?;
        Some(format!("{}.{}", one.names.first()?, self.network))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_with_and_without_the_network() {
        let address = Ipv4Addr::new(10, 99, 0, 2);
        let names = Names {
            network: "lab".to_owned(),
            all: vec![Named { address, address6: None, names: vec!["srv".to_owned(), "api".to_owned()] }],
        };
        for name in ["srv", "API", "srv.lab", "api.LAB"] {
            assert_eq!(names.find(name).iter().map(|one| one.address).collect::<Vec<_>>(), [address], "{name}");
        }
        for name in ["", "lab", ".lab", "srv.", "srvlab", "srv.lab.lab", "é", "srv.é"] {
            assert!(names.find(name).is_empty(), "{name}");
        }
        assert_eq!(names.name_of(address).as_deref(), Some("srv.lab"));
    }
}
