//! Where the engine is: `unix://`, `tcp://` and `ssh://` addresses, and how paths and queries are written in a request.

use super::failure::Failure;
use super::units::quote;
use super::url;

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
    /// Behind the `ssh` program, whose arguments these are.
    Ssh(Vec<String>),
}

/// Why an address leads to no engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wrong {
    /// It is of no kind that is known.
    Kind(String),
    /// Something in it is not as its kind wants it.
    Part(String),
}

impl From<Wrong> for Failure {
    fn from(wrong: Wrong) -> Failure {
        let (Wrong::Kind(why) | Wrong::Part(why)) = wrong;
        Failure::new(format!("Failed to initialize: {why}"))
    }
}

impl Host {
    /// Reads an address as `-H` and `DOCKER_HOST` give it.
    pub fn parse(text: &str) -> Result<Host, Failure> {
        let trimmed = text.trim();
        let (scheme, rest) = trimmed.split_once("://").unwrap_or(("tcp", trimmed));
        match scheme {
            "unix" | "ssh" => Ok(Host::of_context(trimmed)?),
            "tcp" => match url::fault("tcp", rest) {
                Some(why) => Err(Failure::new(format!("Failed to initialize: unable to resolve docker endpoint: {why}"))),
                None => Ok(Host::tcp("tcp", rest)),
            },
            "fd" => Err(Failure::new(format!("Failed to initialize: unable to parse docker host `{trimmed}`"))),
            "npipe" => Err(Failure::new("Failed to initialize: protocol not available")),
            _ => Err(Failure::new(format!(
                "Failed to initialize: unable to resolve docker endpoint: invalid bind address format: {trimmed}"
            ))),
        }
    }

    /// Reads an address as a context gives it: what is neither a socket nor `ssh` is spoken to over TCP.
    pub fn of_context(text: &str) -> Result<Host, Wrong> {
        let (scheme, rest) = text
            .split_once("://")
            .filter(|(_, rest)| !rest.is_empty() || text.starts_with("unix:") || text.starts_with("ssh:"))
            .ok_or_else(|| Wrong::Kind(format!("unable to parse docker host `{text}`")))?;
        if scheme != "npipe"
            && let Some(why) = url::fault(scheme, rest)
        {
            return Err(Wrong::Part(why));
        }
        Ok(match scheme {
            "unix" => {
                let path = if rest.is_empty() { "/var/run/docker.sock" } else { rest };
                Host { text: format!("unix://{path}"), place: Place::Unix(path.to_owned()) }
            }
            "ssh" => Host { text: text.to_owned(), place: Place::Ssh(ssh(rest)?) },
            "npipe" => return Err(Wrong::Kind("protocol not available".to_owned())),
            scheme => Host::tcp(scheme, rest),
        })
    }

    fn tcp(scheme: &str, rest: &str) -> Host {
        let (address, base) = rest.split_once('/').map_or((rest, String::new()), |(address, base)| (address, format!("/{base}")));
        let address = match address {
            "" => "localhost".to_owned(),
            address if address.starts_with(':') => format!("localhost{address}"),
            // An IPv6 address by itself.
            address if !address.starts_with('[') && address.matches(':').count() > 1 => format!("[{address}]"),
            address => address.to_owned(),
        };
        let has_port = address.rsplit_once(':').is_some_and(|(_, port)| !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit()));
        let address = if has_port { address } else { format!("{}:2375", address.trim_end_matches(':')) };
        Host { text: format!("{scheme}://{address}{base}"), place: Place::Tcp(address, base.trim_matches('/').to_owned()) }
    }

    /// The host in the URLs of messages, escaped as Go does.
    pub fn in_url(&self) -> String {
        match &self.place {
            Place::Unix(path) => query_escape(path),
            Place::Tcp(address, _) => address.clone(),
            Place::Ssh(_) => BEHIND_SSH.to_owned(),
        }
    }

    /// The `Host` header.
    pub fn header(&self) -> &str {
        match &self.place {
            Place::Unix(_) => "api.moby.localhost",
            Place::Tcp(address, _) => address,
            Place::Ssh(_) => BEHIND_SSH,
        }
    }
}

/// The name of an engine that only `ssh` knows the way to.
const BEHIND_SSH: &str = "docker.example.com";

/// The arguments for `ssh` that lead to the engine at `[user@]host[:port][/socket]`.
fn ssh(rest: &str) -> Result<Vec<String>, Wrong> {
    let wrong = |why: String| Wrong::Part(format!("ssh host connection is not valid: invalid SSH URL: {why}"));
    let (rest, fragment) = rest.split_once('#').unwrap_or((rest, ""));
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (authority, path) = rest.find('/').map_or((rest, ""), |at| rest.split_at(at));
    let (user, host) = authority.rsplit_once('@').unwrap_or(("", authority));
    let (host, port) = match host.rsplit_once(':') {
        Some((host, port)) if !host.ends_with(':') && port.bytes().all(|b| b.is_ascii_digit()) => (host, port),
        _ => (host, ""),
    };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    if user.contains(':') {
        return Err(wrong("plain-text password is not supported".to_owned()));
    }
    if host.is_empty() {
        return Err(wrong("hostname is empty".to_owned()));
    }
    if !query.is_empty() {
        return Err(wrong(format!("query parameters are not allowed: {}", quote(query))));
    }
    if !fragment.is_empty() {
        return Err(wrong(format!("fragments are not allowed: {}", quote(fragment))));
    }
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"/._-+:@%,=".contains(&b);
    if !path.bytes().all(plain) {
        // It becomes part of a command line that the other machine's shell reads.
        return Err(wrong(format!("the path of the socket holds what a shell would read: {}", quote(path))));
    }
    let mut args = vec!["-o ConnectTimeout=30", "-T"];
    if !user.is_empty() {
        args.extend(["-l", user]);
    }
    if !port.is_empty() {
        args.extend(["-p", port]);
    }
    args.extend(["--", host, "docker"]);
    let socket = format!("unix://{path}");
    if !path.trim_matches('/').is_empty() {
        args.extend(["--host", &socket]);
    }
    args.extend(["system", "dial-stdio"]);
    Ok(args.into_iter().map(str::to_owned).collect())
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
        let tcp = |address: &str, base: &str| Some(Place::Tcp(address.to_owned(), base.to_owned()));
        assert_eq!(place("unix:///a/b.sock"), Some(Place::Unix("/a/b.sock".to_owned())));
        assert_eq!(place("tcp://h:1"), tcp("h:1", ""));
        assert_eq!(place("tcp://h"), tcp("h:2375", ""));
        assert_eq!(place(":1"), tcp("localhost:1", ""));
        assert_eq!(place("tcp://h:1/base/"), tcp("h:1", "base"));
        assert_eq!((place("ftp://foo"), place("http://foo")), (None, None));
        assert_eq!(Host::of_context("http://h:1").map(|h| h.place).ok(), tcp("h:1", ""));
    }

    #[test]
    fn ssh_is_asked_for_the_way() {
        let args = |text: &str| {
            ssh(text).map(|args| args.join(" ")).map_err(|e| Failure::from(e).text.rsplit_once(": ").map(|(_, why)| why.to_owned()))
        };
        assert_eq!(args("h"), Ok("-o ConnectTimeout=30 -T -- h docker system dial-stdio".to_owned()));
        assert_eq!(
            args("me@h:22/run/d.sock"),
            Ok("-o ConnectTimeout=30 -T -l me -p 22 -- h docker --host unix:///run/d.sock system dial-stdio".to_owned())
        );
        assert_eq!(args(""), Err(Some("hostname is empty".to_owned())));
        assert!(args("u:p@h").is_err() && args("h?q").is_err() && args("h/$(x)").is_err());
    }

    #[test]
    fn queries_are_sorted_and_escaped() {
        assert_eq!(query(&[("tag", "1.0".into()), ("fromImage", "a/b c".into())]), "?fromImage=a%2Fb+c&tag=1.0");
    }
}
