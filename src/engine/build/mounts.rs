//! `RUN --mount=…`: what a command finds beside its image.

use super::options::suggestion;
use crate::units::quote;

/// What can be mounted, and what can be said of it.
const KINDS: [&str; 5] = ["bind", "cache", "tmpfs", "secret", "ssh"];
const KEYS: [&str; 16] =
    ["type", "from", "source", "target", "readonly", "id", "sharing", "required", "size", "mode", "uid", "gid", "src", "dst", "ro", "env"];

/// What may be said without a value.
const SWITCHES: [&str; 5] = ["readonly", "ro", "readwrite", "rw", "required"];

/// One `--mount`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mount {
    pub kind: Kind,
    /// Where it is seen; relative to the working folder.
    pub target: String,
    /// A path in the stage or context that it comes from.
    pub source: String,
    pub from: String,
    pub id: String,
    pub read_only: bool,
    pub required: bool,
    pub size: u64,
    pub mode: Option<u32>,
    pub uid: u32,
    pub gid: u32,
    /// A secret's value is this variable.
    pub env: String,
    pub sharing: Sharing,
}

/// Who may use a cache at the same time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sharing {
    #[default]
    Shared,
    /// Nobody else at the same time: one that is in use is left alone for another.
    Private,
    /// One after the other.
    Locked,
}

/// What is mounted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kind {
    #[default]
    Bind,
    Cache,
    Tmpfs,
    Secret,
    /// A socket of the client's agent of keys.
    Agent,
}

impl Mount {
    /// Reads the value of a `--mount`; its fields' values are what `expand` makes of them, so that a variable is never more than a value.
    pub fn parse(text: &str, expand: &dyn Fn(&str) -> Result<String, String>) -> Result<Mount, String> {
        let mut mount = Mount::default();
        let mut writable = None;
        for field in fields(text) {
            let (key, value) = match field.split_once('=') {
                // Where files come from is known before any variable is.
                Some((key, value)) if key.eq_ignore_ascii_case("from") => ("from".to_owned(), value.to_owned()),
                Some((key, value)) => (key.to_ascii_lowercase(), expand(value)?),
                None => (field.to_ascii_lowercase(), "true".to_owned()),
            };
            if !field.contains('=') && !SWITCHES.contains(&key.as_str()) {
                return Err(format!("invalid field '{field}' must be a key=value pair"));
            }
            let value = value.as_str();
            let on = || match value {
                "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(true),
                "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(false),
                other => Err(format!("invalid value for {key}: {other}")),
            };
            let number = || value.parse::<u32>().map_err(|_| format!("invalid value {value} for {key}"));
            match key.as_str() {
                "type" => {
                    mount.kind = match value.to_ascii_lowercase().as_str() {
                        "bind" => Kind::Bind,
                        "cache" => Kind::Cache,
                        "tmpfs" => Kind::Tmpfs,
                        "secret" => Kind::Secret,
                        "ssh" => Kind::Agent,
                        other => return Err(format!("unsupported mount type {}{}", quote(other), suggestion(other, &KINDS))),
                    };
                }
                "target" | "dst" | "destination" => value.clone_into(&mut mount.target),
                "source" | "src" => value.clone_into(&mut mount.source),
                "from" => value.clone_into(&mut mount.from),
                "id" => value.clone_into(&mut mount.id),
                "readonly" | "ro" => writable = Some(!on()?),
                "readwrite" | "rw" => writable = Some(on()?),
                "required" => mount.required = on()?,
                "sharing" => {
                    mount.sharing = match value.to_ascii_lowercase().as_str() {
                        "shared" => Sharing::Shared,
                        "private" => Sharing::Private,
                        "locked" => Sharing::Locked,
                        other => return Err(format!("unsupported sharing value {}", quote(other))),
                    };
                }
                "size" => mount.size = size(value).ok_or_else(|| format!("invalid value for size: {value}"))?,
                "mode" => mount.mode = Some(u32::from_str_radix(value, 8).map_err(|_| format!("invalid value {value} for mode"))?),
                "uid" => mount.uid = number()?,
                "gid" => mount.gid = number()?,
                "env" => value.clone_into(&mut mount.env),
                _ => return Err(format!("unexpected key '{key}' in '{field}'{}", suggestion(&key, &KEYS))),
            }
        }
        mount.read_only = !writable.unwrap_or(mount.kind != Kind::Bind);
        if mount.kind == Kind::Secret {
            if mount.id.is_empty() {
                let name = if mount.source.is_empty() { &mount.target } else { &mount.source };
                mount.id = name.rsplit('/').next().unwrap_or_default().to_owned();
            }
            if mount.id.is_empty() {
                return Err("invalid secret mount: it has no id".to_owned());
            }
            if mount.target.is_empty() && mount.env.is_empty() {
                mount.target = format!("/run/secrets/{}", mount.id);
            }
        } else if mount.kind == Kind::Agent {
            if mount.id.is_empty() {
                "default".clone_into(&mut mount.id);
            }
        } else if mount.target.is_empty() {
            return Err("invalid mount: it has no target".to_owned());
        }
        Ok(mount)
    }
}

/// What a `--mount` takes its files from: the stage or image that it names last, as [`Mount::parse`] has it.
pub fn origin(text: &str) -> Option<&str> {
    let named = fields(text).filter_map(|field| field.split_once('=')).filter(|(key, _)| key.eq_ignore_ascii_case("from"));
    named.last().map(|(_, from)| from).filter(|from| !from.is_empty())
}

fn fields(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').filter(|field| !field.is_empty())
}

/// `100`, `10k`, `64m`, `1g`.
fn size(text: &str) -> Option<u64> {
    let lower = text.to_ascii_lowercase();
    let lower = lower.trim_end_matches('b');
    let digits = lower.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let number: u64 = digits.parse().ok()?;
    let shift = match &lower[digits.len()..] {
        "" => 0,
        "k" | "ki" => 10,
        "m" | "mi" => 20,
        "g" | "gi" => 30,
        _ => return None,
    };
    number.checked_mul(1 << shift)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mounts_are_read() {
        let parse = |text: &str| Mount::parse(text, &|value| Ok(value.replace("$X", "a,from=b")));
        let cache = parse("type=cache,target=/c,id=x,sharing=locked,mode=0700").unwrap();
        assert_eq!((cache.kind, cache.target.as_str(), cache.id.as_str(), cache.mode), (Kind::Cache, "/c", "x", Some(0o700)));
        assert!(!cache.read_only);
        assert!(parse("target=/b").unwrap().read_only, "a bind is read-only");
        assert_eq!(parse("type=secret,id=k").unwrap().target, "/run/secrets/k");
        assert_eq!(parse("type=tmpfs,target=/t,size=64m").unwrap().size, 64 << 20);
        assert_eq!(parse("type=ssh").unwrap().id, "default");
        for (text, from) in [("FROM=a,target=/t", "a"), ("from=a,from=b,target=/t", "b"), ("from=a,id=$X,target=/t", "a")] {
            assert_eq!((parse(text).unwrap().from.as_str(), origin(text)), (from, Some(from)), "{text}");
        }
        for wrong in ["type=cache", "type=x,target=/a", "target=/a,nope=1", "type=cache,target=/a,sharing=x", "target=/a,$X"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
