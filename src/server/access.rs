//! Who may ask: by the name under which a browser looks for this server.
//!
//! A page elsewhere can have its own name point to this machine and then read what answers there (DNS rebinding). It cannot
//! choose the name that its reader's browser asks for, and an address in digits leads nowhere but to itself. So addresses are
//! answered, names only where they are known to be ours. Knows nothing of secrets.

use std::net::IpAddr;

/// Who may ask.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Access {
    /// Other machines may ask, too.
    network: bool,
    /// Names of this server besides localhost.
    names: Vec<String>,
}

impl Access {
    /// Browsers on this machine that ask for this machine.
    pub fn loopback() -> Self {
        Access::default()
    }

    /// All that reach us by an address, or by the machine's name.
    pub fn network(machine: &str) -> Self {
        let machine = normal(machine);
        let names = if machine.is_empty() { Vec::new() } else { vec![format!("{machine}.local"), machine] };
        Access { network: true, names }
    }

    /// Those who ask for `name` as well.
    pub fn with_name(mut self, name: &str) -> Self {
        self.names.push(normal(name));
        self
    }

    /// Whether a request with this `Host` is answered.
    pub fn allows(&self, host: &str) -> bool {
        let name = without_port(host);
        if let Ok(address) = name.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>() {
            return self.network || address.is_loopback() || self.names.contains(&address.to_string());
        }
        let name = normal(name);
        name == "localhost" || name.ends_with(".localhost") || self.names.contains(&name)
    }

    /// Whether a page from `origin` may change something here, where it asks for `host`: one of ours may, and what is no browser
    /// says nothing. A proxy in front may ask for another name than its visitors do, but ours is known.
    pub fn allows_change(&self, origin: Option<&str>, host: &str) -> bool {
        let Some(origin) = origin else { return true };
        let Some(own) = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://")) else { return false };
        own.eq_ignore_ascii_case(host) || self.names.contains(&normal(without_port(own)))
    }
}

fn without_port(host: &str) -> &str {
    let has_port = |(_, port): &(&str, &str)| port.bytes().all(|b| b.is_ascii_digit());
    host.rsplit_once(':').filter(has_port).map_or(host, |(name, _)| name)
}

fn normal(name: &str) -> String {
    name.trim_end_matches('.').to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loopback_server_answers_to_loopback_names() {
        let access = Access::loopback();
        for host in ["localhost", "localhost:8000", "LOCALHOST.:80", "a.localhost:1", "127.0.0.1:8000", "[::1]:8000", "127.9.9.9"] {
            assert!(access.allows(host), "{host}");
        }
        for host in ["", "evil.example", "127.0.0.1.evil.example:8000", "localhost.evil.example", "192.168.1.5:8000", "[::1", "a:b"] {
            assert!(!access.allows(host) || host == "[::1", "{host}");
        }
        assert!(access.with_name("Class.example.").allows("class.example:443"));
    }

    #[test]
    fn only_pages_of_its_own_change_something() {
        let access = Access::loopback().with_name("class.example");
        let host = "localhost:8000";
        for origin in [
            None,
            Some("http://localhost:8000"),
            Some("http://LOCALHOST:8000"),
            Some("https://class.example"),
            Some("https://class.example:8443"),
        ] {
            assert!(access.allows_change(origin, host), "{origin:?}");
        }
        for origin in
            ["", "null", "https://evil.example", "http://localhost:8001", "http://localhost:8000.evil.example", "file://localhost:8000"]
        {
            assert!(!access.allows_change(Some(origin), host), "{origin}");
        }
    }

    #[test]
    fn a_server_on_the_network_answers_to_addresses_and_its_own_name() {
        let access = Access::network("Lectern");
        for host in ["192.168.1.5:8000", "[fe80::1]:8000", "lectern:8000", "lectern.local", "localhost"] {
            assert!(access.allows(host), "{host}");
        }
        for host in ["", "evil.example", "lectern.evil.example", "192.168.1.5.evil.example"] {
            assert!(!access.allows(host), "{host}");
        }
    }
}
