//! The drivers of a container's log and their options, in Docker's words. All that keep a log keep it in one form: they differ in how
//! much of it stays.

use super::ContainerError;
use super::host::LogConfig;
use super::spec::LogSpec;
use crate::units;

/// What the engine can be asked for besides `none`.
pub const DRIVERS: [&str; 2] = ["json-file", "local"];

/// Options that say how much is kept, and those that add to a line what no reader of this engine's asks for.
const OPTIONS: [&str; 8] = ["max-file", "max-size", "compress", "labels", "labels-regex", "env", "env-regex", "tag"];

impl LogConfig {
    /// Refuses drivers and options that are not known; values are looked at when the container starts, as Docker does.
    pub(super) fn check(&self) -> Result<(), ContainerError> {
        let kind = self.kind.as_str();
        if kind == "none" {
            return Ok(());
        }
        if !kind.is_empty() && !DRIVERS.contains(&kind) {
            return Err(ContainerError::Invalid(format!("logger: no log driver named '{kind}' is registered")));
        }
        let known = if kind == "local" { &OPTIONS[..3] } else { &OPTIONS[..] };
        match self.config.keys().find(|key| !known.contains(&key.as_str())) {
            Some(key) if kind == "local" => Err(ContainerError::Invalid(format!("unknown log opt '{key}' for log driver local"))),
            Some(key) => Err(ContainerError::Invalid(format!("unknown log opt '{key}' for json-file log driver"))),
            None => Ok(()),
        }
    }

    /// How much is to be kept.
    pub(super) fn spec(&self) -> Result<LogSpec, ContainerError> {
        if self.kind == "none" {
            return Ok(LogSpec { files: 0, size: None });
        }
        let wrong = |text: String| {
            ContainerError::Invalid(format!("failed to create task for container: failed to initialize logging driver: {text}"))
        };
        let local = self.kind == "local";
        let mut spec = if local { LogSpec { files: 5, size: Some(20_000_000) } } else { LogSpec::default() };
        if let Some(text) = self.config.get("max-size") {
            let size = size(text).ok_or_else(|| wrong(format!("invalid size: '{text}'")))?;
            if size == 0 {
                return Err(wrong("max-size must be a positive number".to_owned()));
            }
            spec.size = Some(size);
        }
        if let Some(text) = self.config.get("max-file") {
            spec.files = text.parse().map_err(|_| wrong(format!("strconv.Atoi: parsing {text:?}: invalid syntax")))?;
            if spec.files < 1 {
                return Err(wrong("max-file cannot be less than 1".to_owned()));
            }
        }
        if let Some(text) = self.config.get("compress") {
            let compress = units::parse_bool(text);
            let compress = compress.ok_or_else(|| wrong(format!("strconv.ParseBool: parsing {text:?}: invalid syntax")))?;
            if compress && !local && (spec.files < 2 || spec.size.is_none()) {
                return Err(wrong("compress cannot be true when max-file is less than 2 or max-size is not set".to_owned()));
            }
        }
        Ok(spec)
    }
}

/// Reads `10k`, `1.5m`, `2GB`: thousands, as Docker counts here.
fn size(text: &str) -> Option<u64> {
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let number: f64 = text[..digits].parse().ok()?;
    let unit = text[digits..].trim_start().to_ascii_lowercase();
    let unit = unit.strip_suffix('b').unwrap_or(&unit);
    let factor = match unit.strip_suffix('i').unwrap_or(unit) {
        "" => 1.0,
        "k" => 1e3,
        "m" => 1e6,
        "g" => 1e9,
        "t" => 1e12,
        "p" => 1e15,
        _ => return None,
    };
    // Beyond what fits there is no difference any more.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturating, and never negative")]
    Some((number * factor) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(kind: &str, options: &[(&str, &str)]) -> LogConfig {
        let config = options.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        LogConfig { kind: kind.to_owned(), config }
    }

    #[test]
    fn options_say_how_much_stays() {
        assert_eq!(of("json-file", &[]).spec().unwrap(), LogSpec { files: 1, size: None });
        let both = of("json-file", &[("max-size", "10k"), ("max-file", "3")]);
        assert_eq!(both.spec().unwrap(), LogSpec { files: 3, size: Some(10_000) });
        assert_eq!(of("local", &[]).spec().unwrap(), LogSpec { files: 5, size: Some(20_000_000) });
        assert_eq!(of("none", &[]).spec().unwrap().files, 0);
        assert_eq!(size("1.5m"), Some(1_500_000));
        assert_eq!(size("2 GiB"), Some(2_000_000_000));
    }

    #[test]
    fn nonsense_is_refused_in_dockers_words() {
        let said = |config: LogConfig| config.check().and_then(|()| config.spec().map(drop)).unwrap_err().to_string();
        assert_eq!(said(of("nosuch", &[])), "logger: no log driver named 'nosuch' is registered");
        assert_eq!(said(of("json-file", &[("max", "1")])), "unknown log opt 'max' for json-file log driver");
        assert!(said(of("json-file", &[("max-size", "many")])).ends_with("invalid size: 'many'"));
        assert!(said(of("json-file", &[("max-size", "0")])).ends_with("max-size must be a positive number"));
        assert!(said(of("json-file", &[("max-file", "0")])).ends_with("max-file cannot be less than 1"));
        assert!(said(of("json-file", &[("compress", "true")])).contains("compress cannot be true"));
    }
}
