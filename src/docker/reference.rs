//! Names of images as the client needs them: is the name well formed, which tag does it mean, what does it look like in full and in
//! short. By distribution's grammar; the engine has the last word.

use super::failure::Failure;

/// An image's name taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// `docker.io`, `localhost:5000`.
    pub domain: String,
    /// `library/ubuntu`.
    pub path: String,
    pub tag: Option<String>,
    pub digest: Option<String>,
}

/// The registry of names without one.
pub const HUB: &str = "docker.io";

impl Reference {
    /// Reads a name such as `ubuntu:14.04` or `host:5000/a/b@sha256:…`.
    pub fn parse(text: &str) -> Result<Reference, Failure> {
        let wrong = || Failure::new("invalid reference format");
        if text.len() == 64 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
            return Err(Failure::new(format!("invalid repository name ({text}), cannot specify 64-byte hexadecimal strings")));
        }
        let (name, digest) = match text.split_once('@') {
            Some((name, digest)) if is_digest(digest) => (name, Some(digest.to_owned())),
            Some(_) => return Err(wrong()),
            None => (text, None),
        };
        let after_slash = name.rfind('/').map_or(0, |i| i + 1);
        let (name, tag) = match name[after_slash..].find(':') {
            Some(i) => (&name[..after_slash + i], Some(&name[after_slash + i + 1..])),
            None => (name, None),
        };
        if tag.is_some_and(|tag| !is_tag(tag)) {
            return Err(wrong());
        }
        let (domain, path) = match name.split_once('/') {
            Some((first, rest)) if first.contains(['.', ':']) || first == "localhost" || first.to_lowercase() != first => (first, rest),
            _ => (HUB, name),
        };
        let domain = if domain == "index.docker.io" { HUB } else { domain };
        let in_full = if domain == HUB && !path.contains('/') { format!("library/{path}") } else { path.to_owned() };
        if path.chars().any(|c| c.is_ascii_uppercase()) {
            return Err(Failure::new(format!("invalid reference format: repository name ({in_full}) must be lowercase")));
        }
        if !is_domain(domain) || path.is_empty() || !path.split('/').all(is_component) {
            return Err(wrong());
        }
        let path = in_full;
        if domain.len() + path.len() + 1 > 255 {
            return Err(Failure::new("repository name must not be more than 255 characters"));
        }
        Ok(Reference { domain: domain.to_owned(), path, tag: tag.map(str::to_owned), digest })
    }

    /// The name without tag and digest, as people write it: `ubuntu`.
    pub fn familiar_name(&self) -> String {
        if self.domain == HUB {
            return self.path.strip_prefix("library/").filter(|p| !p.contains('/')).unwrap_or(&self.path).to_owned();
        }
        format!("{}/{}", self.domain, self.path)
    }

    /// The name with registry, without tag and digest: `docker.io/library/ubuntu`.
    pub fn full_name(&self) -> String {
        format!("{}/{}", self.domain, self.path)
    }

    /// As people write it, with tag and digest where it has them.
    pub fn familiar(&self) -> String {
        format!("{}{}", self.familiar_name(), self.suffix())
    }

    /// With registry, tag and digest.
    pub fn full(&self) -> String {
        format!("{}{}", self.full_name(), self.suffix())
    }

    fn suffix(&self) -> String {
        let tag = self.tag.as_ref().map(|t| format!(":{t}")).unwrap_or_default();
        let digest = self.digest.as_ref().map(|d| format!("@{d}")).unwrap_or_default();
        format!("{tag}{digest}")
    }

    /// Adds `latest` where there is neither tag nor digest; says whether it did.
    pub fn default_tag(&mut self) -> bool {
        if self.tag.is_none() && self.digest.is_none() {
            self.tag = Some("latest".to_owned());
            return true;
        }
        false
    }
}

fn is_tag(tag: &str) -> bool {
    let mut letters = tag.bytes();
    tag.len() <= 128
        && letters.next().is_some_and(|b| b.is_ascii_alphanumeric() || b == b'_')
        && letters.all(|b| b.is_ascii_alphanumeric() || b"_.-".contains(&b))
}

fn is_digest(digest: &str) -> bool {
    let Some((algorithm, hex)) = digest.split_once(':') else { return false };
    let hex_ok = hex.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    match algorithm {
        "sha256" => hex.len() == 64 && hex_ok,
        "sha384" => hex.len() == 96 && hex_ok,
        "sha512" => hex.len() == 128 && hex_ok,
        _ => false,
    }
}

fn is_domain(domain: &str) -> bool {
    if let Some(rest) = domain.strip_prefix('[') {
        let Some((address, port)) = rest.split_once(']') else { return false };
        return address.bytes().all(|b| b.is_ascii_hexdigit() || b == b':')
            && (port.is_empty() || port.strip_prefix(':').is_some_and(is_port));
    }
    let (host, port) = domain.split_once(':').map_or((domain, None), |(host, port)| (host, Some(port)));
    port.is_none_or(is_port)
        && host.split('.').all(|label| {
            !label.is_empty()
                && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
                && !label.starts_with('-')
                && !label.ends_with('-')
        })
}

fn is_port(port: &str) -> bool {
    !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit())
}

/// Lower-case letters and digits, with `.`, `_`, `__` or any number of `-` between them.
fn is_component(component: &str) -> bool {
    let alphanumeric = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let bytes = component.as_bytes();
    if !bytes.first().copied().is_some_and(alphanumeric) || !bytes.last().copied().is_some_and(alphanumeric) {
        return false;
    }
    bytes
        .split(|b| alphanumeric(*b))
        .filter(|run| !run.is_empty())
        .all(|run| matches!(run, b"." | b"_" | b"__") || run.iter().all(|b| *b == b'-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_taken_apart() {
        let read = |text| Reference::parse(text).map(|r| (r.full(), r.familiar())).map_err(|e| e.text);
        assert_eq!(read("ubuntu"), Ok(("docker.io/library/ubuntu".into(), "ubuntu".into())));
        assert_eq!(read("a/b:1"), Ok(("docker.io/a/b:1".into(), "a/b:1".into())));
        assert_eq!(read("localhost:5000/x:1"), Ok(("localhost:5000/x:1".into(), "localhost:5000/x:1".into())));
        for wrong in ["", "a::b", "busybox:::x", "a/", "a..b", "-a", "a@sha256:12"] {
            assert_eq!(read(wrong), Err("invalid reference format".into()), "{wrong}");
        }
        assert_eq!(read("Busybox"), Err("invalid reference format: repository name (library/Busybox) must be lowercase".into()));
    }
}
