//! Changes to a run config in the words of a Dockerfile: `commit -c` and `import -c`.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{HealthConfig, ImageError, RunConfig};
use crate::build::instruction::NAMES;
use crate::units::parse_duration;

/// Applies each line (`CMD ["sh"]`, `ENV A=1` …) to the config.
pub fn apply_changes<S: AsRef<str>>(config: &mut RunConfig, changes: &[S]) -> Result<(), ImageError> {
    let text = changes.iter().map(AsRef::as_ref).collect::<Vec<_>>().join("\n").replace("\\\n", "");
    let mut cmd_set = false;
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (word, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        let name = word.to_uppercase();
        let change = Change { name: &name, line: number + 1, rest: rest.trim() };
        change.apply(config, &mut cmd_set)?;
    }
    Ok(())
}

struct Change<'a> {
    name: &'a str,
    line: usize,
    rest: &'a str,
}

impl Change<'_> {
    fn wrong(&self, why: impl std::fmt::Display) -> ImageError {
        ImageError::Invalid(format!("dockerfile parse error line {}: {why}", self.line))
    }

    fn apply(&self, config: &mut RunConfig, cmd_set: &mut bool) -> Result<(), ImageError> {
        if !NAMES.contains(&self.name) {
            return Err(self.wrong(format_args!("unknown instruction: {}", self.name)));
        }
        let needs_argument = !matches!(self.name, "CMD" | "ENTRYPOINT");
        if needs_argument && self.rest.is_empty() {
            return Err(self.wrong(format_args!("{} requires at least one argument", self.name)));
        }
        match self.name {
            "CMD" => {
                config.cmd = Some(self.command(config));
                *cmd_set = true;
            }
            "ENTRYPOINT" => {
                config.entrypoint = Some(self.command(config));
                if !*cmd_set {
                    config.cmd = None;
                }
            }
            "ENV" => {
                for (key, value) in self.pairs(config)? {
                    set_env(config, &key, &value);
                }
            }
            "LABEL" => {
                let pairs = self.pairs(config)?;
                config.labels.get_or_insert_default().extend(pairs);
            }
            "EXPOSE" => self.expose(config)?,
            "USER" => config.user = expand(self.rest, config),
            "WORKDIR" => config.working_dir = join(&config.working_dir, &expand(self.rest, config)),
            "VOLUME" => {
                let paths = json_words(self.rest).unwrap_or_else(|| words(&expand(self.rest, config)));
                let volumes: BTreeMap<String, Value> = paths.into_iter().map(|path| (path, json!({}))).collect();
                config.volumes.get_or_insert_default().extend(volumes);
            }
            "STOPSIGNAL" => config.stop_signal = Some(expand(self.rest, config)),
            "ONBUILD" => {
                let trigger = self.rest.split_whitespace().next().unwrap_or_default().to_uppercase();
                match trigger.as_str() {
                    "ONBUILD" => return Err(self.wrong("Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed")),
                    "FROM" | "MAINTAINER" => return Err(self.wrong(format_args!("{trigger} isn't allowed as an ONBUILD trigger"))),
                    _ => config.on_build.get_or_insert_default().push(self.rest.to_owned()),
                }
            }
            "HEALTHCHECK" => config.healthcheck = Some(self.healthcheck(config)?),
            other => return Err(ImageError::Invalid(format!("{} is not a valid change command", other.to_lowercase()))),
        }
        Ok(())
    }

    /// The words of an exec form, or the shell with the line.
    fn command(&self, config: &RunConfig) -> Vec<String> {
        json_words(self.rest).unwrap_or_else(|| {
            let mut command = config.shell.clone().unwrap_or_else(|| vec!["/bin/sh".to_owned(), "-c".to_owned()]);
            command.push(self.rest.to_owned());
            command
        })
    }

    /// `key=value …`, or the old `key value`.
    fn pairs(&self, config: &RunConfig) -> Result<Vec<(String, String)>, ImageError> {
        let words = quoted_words(self.rest).ok_or_else(|| self.wrong("unexpected end of statement while looking for matching quote"))?;
        if !words.first().is_some_and(|word| word.contains('=')) {
            let (key, value) = self
                .rest
                .split_once(char::is_whitespace)
                .ok_or_else(|| self.wrong(format_args!("{} must have two arguments", self.name)))?;
            return Ok(vec![(key.to_owned(), unquote(&expand(value.trim(), config)))]);
        }
        words
            .iter()
            .map(|word| {
                let (key, value) = word
                    .split_once('=')
                    .ok_or_else(|| self.wrong(format_args!("Syntax error - can't find = in {word:?}. Must be of the form: name=value")))?;
                Ok((unquote(key), unquote(&expand(value, config))))
            })
            .collect()
    }

    fn expose(&self, config: &mut RunConfig) -> Result<(), ImageError> {
        for word in words(&expand(self.rest, config)) {
            let (ports, protocol) = word.split_once('/').unwrap_or((&word, "tcp"));
            let (first, last) = ports.split_once('-').unwrap_or((ports, ports));
            let wrong = || ImageError::Invalid(format!("invalid containerPort: {word}"));
            let (first, last): (u16, u16) = (first.parse().map_err(|_| wrong())?, last.parse().map_err(|_| wrong())?);
            let protocol = protocol.to_lowercase();
            if last < first || !matches!(protocol.as_str(), "tcp" | "udp" | "sctp") {
                return Err(wrong());
            }
            for port in first..=last {
                config.exposed_ports.get_or_insert_default().insert(format!("{port}/{protocol}"), json!({}));
            }
        }
        Ok(())
    }

    fn healthcheck(&self, config: &RunConfig) -> Result<HealthConfig, ImageError> {
        let mut health = HealthConfig::default();
        let mut rest = self.rest;
        while let Some(option) = rest.strip_prefix("--") {
            let (option, after) = option.split_once(char::is_whitespace).unwrap_or((option, ""));
            let (key, value) = option.split_once('=').unwrap_or((option, ""));
            let wrong = || self.wrong(format_args!("invalid value {value:?} for flag {key}"));
            let nanoseconds = || parse_duration(value).ok_or_else(wrong);
            match key {
                "interval" => health.interval = nanoseconds()?,
                "timeout" => health.timeout = nanoseconds()?,
                "start-period" => health.start_period = nanoseconds()?,
                "start-interval" => health.start_interval = nanoseconds()?,
                "retries" => health.retries = value.parse().map_err(|_| wrong())?,
                _ => return Err(self.wrong(format_args!("unknown flag: {key}"))),
            }
            rest = after.trim_start();
        }
        let (kind, command) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
        health.test = Some(match kind.to_uppercase().as_str() {
            "NONE" => vec!["NONE".to_owned()],
            "CMD" => match json_words(command.trim()) {
                Some(words) => std::iter::once("CMD".to_owned()).chain(words).collect(),
                None if config.shell.is_some() => {
                    std::iter::once("CMD".to_owned()).chain(Change { rest: command.trim(), ..*self }.command(config)).collect()
                }
                None => vec!["CMD-SHELL".to_owned(), command.trim().to_owned()],
            },
            other => return Err(self.wrong(format_args!("unknown type {other:?} in HEALTHCHECK (try CMD)"))),
        });
        Ok(health)
    }
}

fn set_env(config: &mut RunConfig, key: &str, value: &str) {
    let env = config.env.get_or_insert_default();
    let line = format!("{key}={value}");
    match env.iter_mut().find(|known| known.split_once('=').map_or(known.as_str(), |(k, _)| k) == key) {
        Some(known) => *known = line,
        None => env.push(line),
    }
}

fn join(base: &str, path: &str) -> String {
    let joined = std::path::Path::new(if base.is_empty() { "/" } else { base }).join(path);
    let mut clean: Vec<&str> = Vec::new();
    for part in joined.to_str().unwrap_or(path).split('/') {
        match part {
            "" | "." => {}
            ".." => {
                clean.pop();
            }
            part => clean.push(part),
        }
    }
    format!("/{}", clean.join("/"))
}

/// A JSON array of strings; `None` where it is none.
fn json_words(text: &str) -> Option<Vec<String>> {
    serde_json::from_str(text).ok()
}

fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

/// Words with their quotes still on; `None` where a quote is open at the end.
fn quoted_words(text: &str) -> Option<Vec<String>> {
    let mut found = Vec::new();
    let mut word = String::new();
    let mut quote = None;
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match (quote, c) {
            (Some('\''), c) if c != '\'' => word.push(c),
            (_, '\\') => {
                word.push(c);
                word.extend(chars.next());
            }
            (Some(open), c) => {
                word.push(c);
                if c == open {
                    quote = None;
                }
            }
            (None, '"' | '\'') => {
                word.push(c);
                quote = Some(c);
            }
            (None, c) if c.is_whitespace() => {
                if !word.is_empty() {
                    found.push(std::mem::take(&mut word));
                }
            }
            (None, c) => word.push(c),
        }
    }
    if !word.is_empty() {
        found.push(word);
    }
    quote.is_none().then_some(found)
}

/// The text without its quotes and backslashes.
fn unquote(text: &str) -> String {
    let mut out = String::new();
    let mut quote = None;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match (quote, c) {
            (Some('\''), c) if c != '\'' => out.push(c),
            (Some(open), c) if c == open => quote = None,
            (None, '"' | '\'') => quote = Some(c),
            // Inside double quotes a backslash stands for itself before most characters.
            (Some('"'), '\\') if !matches!(chars.peek(), Some('"' | '\\' | '$')) => out.push(c),
            (_, '\\') => out.extend(chars.next()),
            (_, c) => out.push(c),
        }
    }
    out
}

/// Puts in the values of `$NAME` and `${NAME}`, also `${NAME:-default}`; not inside single quotes or behind a backslash.
fn expand(text: &str, config: &RunConfig) -> String {
    let value = |name: &str| {
        config.env.iter().flatten().find_map(|line| line.split_once('=').filter(|(key, _)| *key == name).map(|(_, value)| value.to_owned()))
    };
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let mut out = String::new();
    let mut single = false;
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let after = &rest[c.len_utf8()..];
        match c {
            '\'' => {
                single = !single;
                out.push(c);
                rest = after;
            }
            '\\' if !single => {
                let next = after.chars().next().map_or(0, char::len_utf8);
                out.push_str(&rest[..1 + next]);
                rest = &after[next..];
            }
            '$' if !single && after.starts_with('{') => match after.split_once('}') {
                Some((inner, tail)) => {
                    let inner = &inner[1..];
                    let end = inner.find(|c| !is_name(c)).unwrap_or(inner.len());
                    let found = value(&inner[..end]).filter(|v| !v.is_empty());
                    match (&inner[end..], found) {
                        (operator, found) if operator.starts_with(":-") => out.push_str(&found.unwrap_or_else(|| operator[2..].to_owned())),
                        (operator, Some(_)) if operator.starts_with(":+") => out.push_str(&operator[2..]),
                        (operator, None) if operator.starts_with(":+") => {}
                        (_, found) => out.push_str(&found.unwrap_or_default()),
                    }
                    rest = tail;
                }
                None => {
                    out.push_str(rest);
                    rest = "";
                }
            },
            '$' if !single && after.starts_with(is_name) => {
                let end = after.find(|c| !is_name(c)).unwrap_or(after.len());
                out.push_str(&value(&after[..end]).unwrap_or_default());
                rest = &after[end..];
            }
            c => {
                out.push(c);
                rest = after;
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changed(lines: &[&str]) -> RunConfig {
        let mut config = RunConfig { env: Some(vec!["PATH=/bin".to_owned()]), ..RunConfig::default() };
        apply_changes(&mut config, lines).unwrap();
        config
    }

    #[test]
    fn commands_have_two_forms() {
        let config = changed(&[r#"ENTRYPOINT ["top", "-b"]"#, "CMD echo $HOME"]);
        assert_eq!(config.entrypoint.unwrap(), ["top", "-b"]);
        assert_eq!(config.cmd.unwrap(), ["/bin/sh", "-c", "echo $HOME"]);
    }

    #[test]
    fn env_is_quoted_and_expanded() {
        let config = changed(&[r#"ENV A="b c" D='$A' E=x\ y"#, "ENV PATH /opt:$PATH", "ENV F=${A}-${NO:-none}"]);
        assert_eq!(config.env.unwrap(), ["PATH=/opt:/bin", "A=b c", "D=$A", "E=x y", "F=b c-none"]);
    }

    #[test]
    fn everything_else_is_understood() {
        let config = changed(&[
            "EXPOSE 80 53/udp 8000-8001",
            "VOLUME [\"/data\"]",
            "VOLUME /a /b",
            "WORKDIR /srv",
            "WORKDIR www/../x",
            "USER nobody",
            "LABEL a=1 \"b c\"=2",
            "STOPSIGNAL SIGQUIT",
            "ONBUILD RUN true",
            "HEALTHCHECK --interval=5s --retries=3 CMD curl -f localhost",
        ]);
        assert_eq!(config.exposed_ports.unwrap().keys().collect::<Vec<_>>(), ["53/udp", "80/tcp", "8000/tcp", "8001/tcp"]);
        assert_eq!(config.volumes.unwrap().keys().collect::<Vec<_>>(), ["/a", "/b", "/data"]);
        assert_eq!(config.working_dir, "/srv/x");
        assert_eq!(config.labels.unwrap()["b c"], "2");
        let health = config.healthcheck.unwrap();
        assert_eq!((health.interval, health.retries), (5_000_000_000, 3));
        assert_eq!(health.test.unwrap(), ["CMD-SHELL", "curl -f localhost"]);
    }

    #[test]
    fn what_is_no_change_is_refused() {
        let mut config = RunConfig::default();
        for (line, message) in [
            ("RUN true", "run is not a valid change command"),
            ("FROB x", "dockerfile parse error line 1: unknown instruction: FROB"),
            ("ENV", "dockerfile parse error line 1: ENV requires at least one argument"),
            ("ONBUILD from x", "dockerfile parse error line 1: FROM isn't allowed as an ONBUILD trigger"),
            ("ENV A=\"b", "dockerfile parse error line 1: unexpected end of statement while looking for matching quote"),
        ] {
            assert_eq!(apply_changes(&mut config, &[line]).unwrap_err().to_string(), message);
        }
    }
}
