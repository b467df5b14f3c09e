//! Where the engine is: `unix://`, `tcp://` or `http://` addresses, and how paths and queries are written in a request.

use super::failure::Failure;

/// The engine's address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Host {
    /// As messages show it: `unix:///run/engine.sock`.
    pub text: String,
    pub place: Place,
}

/// Where to connect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    Unix(String),
    /// `host:port` and the path in front of the API's own.
    Tcp(String, String),
}

impl Host {
    /// Reads an address as `-H` and `DOCKER_HOST` give it.
    pub fn parse(text: &str) -> Result<Host, Failure> {
        let trimmed = text.trim();
        let (scheme, rest) = match trimmed.split_once("://") {
            Some(parts) => parts,
            None if trimmed.starts_with('/') => ("unix", trimmed),
            None => ("tcp", trimmed),
        };
        let place = match scheme {
            "unix" if rest.is_empty() => Place::Unix("/var/run/docker.sock".to_owned()),
            "unix" => Place::Unix(rest.to_owned()),
            "tcp" | "http" => {
                let (address, base) = rest.split_once('/').unwrap_or((rest, ""));
                let address = if address.starts_with(':') { format!("localhost{address}") } else { address.to_owned() };
                let has_port =
                    address.rsplit_once(':').is_some_and(|(_, port)| !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit()));
                let address = if has_port { address } else { format!("{}:2375", address.trim_end_matches(':')) };
                Place::Tcp(address, base.trim_end_matches('/').to_owned())
            }
            "ssh" | "npipe" | "fd" | "https" => {
                return Err(Failure::new(format!("the address {trimmed} is not supported: use unix://, tcp:// or http://")));
            }
            _ => {
                return Err(Failure::new(format!(
                    "Failed to initialize: unable to resolve docker endpoint: invalid bind address format: {trimmed}"
                )));
            }
        };
        let text = format!("{scheme}://{rest}");
        Ok(Host { text, place })
    }

    /// The host in the URLs of messages, escaped as Go does.
    pub fn in_url(&self) -> String {
        match &self.place {
            Place::Unix(path) => query_escape(path),
            Place::Tcp(address, _) => address.clone(),
        }
    }

    /// The `Host` header.
    pub fn header(&self) -> &str {
        match &self.place {
            Place::Unix(_) => "api.moby.localhost",
            Place::Tcp(address, _) => address,
        }
    }
}

/// Escapes for a query, as Go's `url.QueryEscape`.
pub fn query_escape(text: &str) -> String {
    escape(text, |b| b"-_.~".contains(&b), true)
}

/// Escapes a path, whose slashes stay.
pub fn path_escape(text: &str) -> String {
    escape(text, |b| b"-_.~/$&+,:;=@!*'()".contains(&b), false)
}

fn escape(text: &str, keep: impl Fn(u8) -> bool, plus: bool) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b if b.is_ascii_alphanumeric() || keep(b) => out.push(b as char),
            b' ' if plus => out.push('+'),
            b => out.push_str(&format!("%{b:02X}")),
        }
    }
    out
}

/// A query in Go's form: keys sorted, values escaped. It starts with `?` unless it is empty.
pub fn query(pairs: &[(&str, String)]) -> String {
    if pairs.is_empty() {
        return String::new();
    }
    let mut sorted: Vec<_> = pairs.iter().collect();
    sorted.sort_by_key(|(key, _)| *key);
    let parts: Vec<String> = sorted.iter().map(|(key, value)| format!("{}={}", query_escape(key), query_escape(value))).collect();
    format!("?{}", parts.join("&"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_read() {
        let place = |text| Host::parse(text).map(|h| h.place).ok();
        assert_eq!(place("unix:///a/b.sock"), Some(Place::Unix("/a/b.sock".to_owned())));
        assert_eq!(place("tcp://h:1"), Some(Place::Tcp("h:1".to_owned(), String::new())));
        assert_eq!(place("tcp://h"), Some(Place::Tcp("h:2375".to_owned(), String::new())));
        assert_eq!(place("http://h:1/base/"), Some(Place::Tcp("h:1".to_owned(), "base".to_owned())));
        assert_eq!(place("ftp://foo"), None);
    }

    #[test]
    fn queries_are_sorted_and_escaped() {
        assert_eq!(query(&[("tag", "1.0".into()), ("fromImage", "a/b c".into())]), "?fromImage=a%2Fb+c&tag=1.0");
    }
}
