//! Networks: which there are, which addresses they have to give, and the engine's own network namespace with their bridges in it.
//!
//! Knows neither Docker's JSON nor processes: containers ask it for an address and a bridge, and give the address back. It never touches
//! the machine's own interfaces and lets nothing out of the machine.

mod block;
mod check;
mod error;
mod hub;
mod names;
mod plan;
pub mod porter;
mod record;
mod store;
mod subnet;

pub use block::{Block, outside};
pub use error::NetworkError;
pub use hub::Hub;
pub use names::{Named, Names};
pub use plan::NetworkRequest;
pub use record::{Attachment, Lease, Network, Place6, Pool, Protocol, Published};
pub use store::{BRIDGE, HOST, NONE, Networks};
pub use subnet::{Address, Subnet};

/// The interface address that Docker derives from an IP address.
pub fn mac_of(address: std::net::Ipv4Addr) -> [u8; 6] {
    let [a, b, c, d] = address.octets();
    [0x02, 0x42, a, b, c, d]
}

/// `02:42:ac:11:00:02`
pub fn mac_text(mac: [u8; 6]) -> String {
    mac.map(|byte| format!("{byte:02x}")).join(":")
}

/// Reads `02:42:ac:11:00:02` (dashes are taken too).
pub fn parse_mac(text: &str) -> Option<[u8; 6]> {
    let mut mac = [0; 6];
    let mut parts = text.split([':', '-']);
    for byte in &mut mac {
        *byte = parts
            .next()
            .filter(|p| p.len() == 2 && p.bytes().all(|b| b.is_ascii_hexdigit()))
            .and_then(|p| u8::from_str_radix(p, 16).ok())?;
    }
    parts.next().is_none().then_some(mac)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interface_address_is_read_as_it_is_written() {
        let mac = mac_of(std::net::Ipv4Addr::new(172, 17, 0, 2));
        assert_eq!(mac_text(mac), "02:42:ac:11:00:02");
        assert_eq!(parse_mac("02:42:ac:11:00:02"), Some(mac));
        assert_eq!(parse_mac("02-42-AC-11-00-02"), Some(mac));
        for bad in ["", "02:42", "02:42:ac:11:00:02:03", "02:42:ac:11:00:+2", "xx:42:ac:11:00:02"] {
            assert_eq!(parse_mac(bad), None, "{bad}");
        }
    }
}
