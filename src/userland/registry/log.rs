//! What the registry tells of: lines of `key=value` (or JSON) on standard error, and on standard output a line a request as web servers
//! write it.

use std::fmt::Write as _;
use std::io::{self, Write as _};

use serde_json::{Map, Value};

use super::settings::Log as Settings;

/// How much a line matters.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    Error,
    Warning,
    Info,
}

impl Level {
    fn name(self) -> &'static str {
        match self {
            Level::Error => "error",
            Level::Warning => "warning",
            Level::Info => "info",
        }
    }
}

/// Writes lines.
pub struct Log {
    settings: Settings,
}

impl Log {
    pub fn new(settings: Settings) -> Log {
        Log { settings }
    }

    /// One event with its particulars, which come in the order of their names.
    pub fn say(&self, level: Level, message: &str, fields: &[(&str, String)]) {
        if level as u8 > self.settings.level {
            return;
        }
        let time = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%S%.9fZ").to_string();
        let own = self.settings.fields.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let mut fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).chain(own).collect();
        fields.sort_unstable();
        let line = if self.settings.json {
            let all = fields.into_iter().chain([("level", level.name()), ("msg", message), ("time", &time)]);
            let map: Map<String, Value> = all.map(|(name, value)| (name.to_owned(), Value::from(value))).collect();
            Value::Object(map).to_string()
        } else {
            let mut line = format!("time=\"{time}\" level={} msg={}", level.name(), word(message));
            for (name, value) in fields {
                let _ = write!(line, " {name}={}", word(value));
            }
            line
        };
        // Whoever closed the log does not want to read it.
        let _ = writeln!(io::stderr(), "{line}");
    }

    /// One request, in the combined log format.
    pub fn access(&self, request: &Request<'_>) {
        if !self.settings.access {
            return;
        }
        let time = jiff::Zoned::now().strftime("%d/%b/%Y:%H:%M:%S %z").to_string();
        let Request { from, user, line, status, written, referer, agent } = request;
        let user = user.unwrap_or("-");
        let _ = writeln!(io::stdout(), "{from} - {user} [{time}] {line:?} {status} {written} {referer:?} {agent:?}");
    }
}

/// What the line of a request says.
pub struct Request<'a> {
    pub from: &'a str,
    pub user: Option<&'a str>,
    /// `GET /v2/ HTTP/1.1`
    pub line: &'a str,
    pub status: u16,
    pub written: u64,
    pub referer: &'a str,
    pub agent: &'a str,
}

/// A value as it is, or in quotation marks where it could be misread.
fn word(text: &str) -> String {
    let plain = text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._/@^+".contains(&b));
    if plain { text.to_owned() } else { format!("{text:?}") }
}
