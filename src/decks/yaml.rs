//! Reading YAML with an excerpt in its errors. The only module that names serde_yaml.
//!
//! A document that unfolds (aliases of aliases) or nests beyond reason is refused before anything is built of it.

use std::io::ErrorKind;
use std::path::Path;

use serde::de::{Deserialize, DeserializeOwned, Deserializer, MapAccess, SeqAccess, Visitor};

use crate::diag::{Diagnostic, ReadError, Severity, SourceFile, reason};

/// A parsed document of any shape.
pub use serde_yaml::{Mapping, Value};

/// Largest file that is read as YAML.
const MAX_BYTES: usize = 4 << 20;
/// Nodes that a document may have once its aliases are followed.
const MAX_NODES: usize = 500_000;

/// Reads and parses a file. The error is a diagnostic with its place.
pub fn read<T: DeserializeOwned>(path: &Path) -> Result<(SourceFile, T), Box<Diagnostic>> {
    let file = SourceFile::read(path).map_err(|e| Box::new(unreadable(path, &e)))?;
    let value = parse(&file)?;
    Ok((file, value))
}

/// The diagnostic of a file that cannot be read.
pub fn unreadable(path: &Path, error: &ReadError) -> Diagnostic {
    let (code, detail) = match error {
        ReadError::Io { source, .. } => {
            let missing = matches!(source.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory);
            (if missing { "missing-file" } else { "unreadable-file" }, reason(source))
        }
        ReadError::Binary { offset, .. } => ("binary-file", format!("it is no text: byte {offset} is not UTF-8 or is NUL")),
        ReadError::TooBig { size, .. } => ("big-file", format!("{size} bytes are too many")),
    };
    Diagnostic::about_file(Severity::Error, code, format!("cannot read {}: {detail}", path.display()), path)
}

/// Parses a document that is in memory.
pub fn parse<T: DeserializeOwned>(file: &SourceFile) -> Result<T, Box<Diagnostic>> {
    let text = file.text();
    if text.len() > MAX_BYTES {
        let message = format!("a YAML file of {} bytes is too big; the limit is {MAX_BYTES}", text.len());
        return Err(Box::new(Diagnostic::about_file(Severity::Error, "big-file", message, file.path())));
    }
    Budget::check(text).and_then(|()| serde_yaml::from_str(text)).map_err(|e| Box::new(diagnostic(file, &e)))
}

/// A mapping as text.
pub fn write(map: &Mapping) -> String {
    serde_yaml::to_string(map).unwrap_or_default()
}

fn diagnostic(file: &SourceFile, error: &serde_yaml::Error) -> Diagnostic {
    let mut message = error.to_string();
    // The place is told by the diagnostic itself.
    if let Some(at) = message.rfind(" at line ") {
        message.truncate(at);
    }
    let bomb = message.contains(BOMB) || message.contains("repetition limit");
    let code = if bomb { "yaml-bomb" } else { "bad-yaml" };
    if bomb {
        BOMB.clone_into(&mut message);
    }
    match error.location() {
        Some(place) => {
            Diagnostic::at(Severity::Error, code, message, file, file.line_span(place.line()).start + place.column().saturating_sub(1), 1)
        }
        None => Diagnostic::about_file(Severity::Error, code, message, file.path()),
    }
}

const BOMB: &str = "the document unfolds to more values than any course has (aliases of aliases?)";

/// Walks a document and counts, building nothing.
struct Budget;

thread_local! {
    static NODES: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

impl Budget {
    fn check(text: &str) -> Result<(), serde_yaml::Error> {
        NODES.set(0);
        serde_yaml::from_str::<Budget>(text).map(|_| ())
    }

    fn spend<E: serde::de::Error>() -> Result<Budget, E> {
        NODES.set(NODES.get() + 1);
        if NODES.get() > MAX_NODES { Err(E::custom(BOMB)) } else { Ok(Budget) }
    }
}

impl<'de> Deserialize<'de> for Budget {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Budget)
    }
}

impl<'de> Visitor<'de> for Budget {
    type Value = Budget;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("any YAML value")
    }

    fn visit_bool<E: serde::de::Error>(self, _: bool) -> Result<Budget, E> {
        Budget::spend()
    }
    fn visit_i64<E: serde::de::Error>(self, _: i64) -> Result<Budget, E> {
        Budget::spend()
    }
    fn visit_u64<E: serde::de::Error>(self, _: u64) -> Result<Budget, E> {
        Budget::spend()
    }
    fn visit_i128<E: serde::de::Error>(self, _: i128) -> Result<Budget, E> {
        Budget::spend()
    }
    fn visit_u128<E: serde::de::Error>(self, _: u128) -> Result<Budget, E> {
        Budget::spend()
    }
    fn visit_f64<E: serde::de::Error>(self, _: f64) -> Result<Budget, E> {
        Budget::spend()
    }
    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Budget, E> {
        // Long texts count by their length: an alias copies them.
        NODES.set(NODES.get() + text.len() / 64);
        Budget::spend()
    }
    fn visit_unit<E: serde::de::Error>(self) -> Result<Budget, E> {
        Budget::spend()
    }
    fn visit_none<E: serde::de::Error>(self) -> Result<Budget, E> {
        Budget::spend()
    }
    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Budget, D::Error> {
        Budget::deserialize(deserializer)
    }
    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<Budget, D::Error> {
        Budget::deserialize(deserializer)
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Budget, A::Error> {
        while items.next_element::<Budget>()?.is_some() {}
        Budget::spend()
    }
    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Budget, A::Error> {
        while entries.next_entry::<Budget, Budget>()?.is_some() {}
        Budget::spend()
    }
    fn visit_enum<A: serde::de::EnumAccess<'de>>(self, tagged: A) -> Result<Budget, A::Error> {
        let (_, variant) = tagged.variant::<Budget>()?;
        serde::de::VariantAccess::newtype_variant::<Budget>(variant)
    }
    fn visit_bytes<E: serde::de::Error>(self, _: &[u8]) -> Result<Budget, E> {
        Err(E::custom("bytes are no value here"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fails(text: &str) -> Diagnostic {
        *parse::<Value>(&SourceFile::new("course.yml", text)).unwrap_err()
    }

    #[test]
    fn an_error_says_where() {
        let d = fails("title: x\ndecks:\n  - {name: a\n");
        assert_eq!((d.code, d.line > 0), ("bad-yaml", true));
        let d = fails("title: x\n\tdecks: y\n");
        assert_eq!((d.line, d.excerpt.unwrap().line.as_str()), (2, "\tdecks: y"));
    }

    #[test]
    fn a_bomb_is_refused() {
        let mut text = String::from("a0: &a0 [x,x,x,x,x,x,x,x,x]\n");
        for i in 1..12 {
            let prev = i - 1;
            text.push_str(&format!("a{i}: &a{i} [{}]\n", vec![format!("*a{prev}"); 9].join(",")));
        }
        assert_eq!(fails(&text).code, "yaml-bomb");
        // One wide anchor, named very often: quadratic, not exponential.
        let wide = format!("a: &a [{}]\nb: [{}]\n", "x,".repeat(30_000), "*a,".repeat(30_000));
        assert_eq!(fails(&wide).code, "yaml-bomb");
        let deep = "[".repeat(100_000);
        assert_eq!(fails(&deep).code, "bad-yaml");
    }
}
