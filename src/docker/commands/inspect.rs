//! `docker inspect` and its kin for one type each. Objects are printed as the engine sent them, indented; a template sees them as
//! Docker's client has read them, and as they were sent where that has not what it looks for.

use serde_json::Value as Json;

use super::shared::named;
use crate::docker::client::Request;
use crate::docker::cmdline::Matches;
use crate::docker::context::Context;
use crate::docker::failure::{Failure, Outcome};
use crate::docker::template::types::{self, Type};
use crate::docker::template::{self, Template, Value, json_text};
use crate::docker::units::quote;

/// The types that `--type` knows.
const TYPES: &[&str] = &["config", "container", "image", "network", "node", "plugin", "secret", "service", "task", "volume"];

/// `docker inspect`.
pub async fn any(c: &Context, m: &Matches) -> Outcome {
    let wanted = m.text("type");
    if m.given("type") && !TYPES.contains(&wanted) {
        if wanted.is_empty() {
            return Err(Failure::new(
                "type is empty: must be one of \"config\", \"container\", \"image\", \"network\", \"node\", \"plugin\", \"secret\", \"service\", \"task\", \"volume\"",
            ));
        }
        let known = TYPES.iter().map(|t| quote(t)).collect::<Vec<_>>().join(", ");
        return Err(Failure::new(format!("unknown type: {}: must be one of {known}", quote(wanted))));
    }
    let mut report = Report::new(m.text("format"))?;
    for name in &m.args {
        report.add(find(c, m, wanted, name).await);
    }
    report.finish(c)
}

async fn find(c: &Context, m: &Matches, wanted: &str, name: &str) -> Result<Found, Failure> {
    let size = m.on("size");
    for kind in ["container", "image", "network", "volume", "plugin"] {
        if !wanted.is_empty() && wanted != kind {
            continue;
        }
        let name = named(kind, name)?;
        let request = request(kind, name).query_if(kind == "container" && size, "size", "1");
        match fetch(c, kind, request).await {
            Ok(found) => {
                if size && kind != "container" {
                    c.warn_line(format!("WARNING: --size ignored for {kind}"));
                }
                return Ok(found);
            }
            Err(failure) if wanted.is_empty() && (failure.is_not_found() || swarm_only(&failure)) => {}
            Err(failure) => return Err(failure),
        }
    }
    if wanted.is_empty() {
        return Err(Failure::new(format!("Error: No such object: {name}")));
    }
    Err(Failure::new(
        "Error response from daemon: This node is not a swarm manager. Use \"docker swarm init\" or \"docker swarm join\" to connect this node to swarm and try again.",
    ))
}

/// Whether the engine says that it has no such feature; the search then goes on.
fn swarm_only(failure: &Failure) -> bool {
    failure.text.contains("This node is not a swarm manager") || failure.text.contains("not implemented")
}

fn request<'a>(kind: &str, name: &str) -> Request<'a> {
    Request::get(match kind {
        "container" => format!("/containers/{name}/json"),
        "image" => format!("/images/{name}/json"),
        "network" => format!("/networks/{name}"),
        "volume" => format!("/volumes/{name}"),
        _ => format!("/plugins/{name}/json"),
    })
}

async fn fetch(c: &Context, kind: &str, request: Request<'_>) -> Result<Found, Failure> {
    let raw = c.client()?.send(request).await?.bytes().await?.to_vec();
    let json = serde_json::from_slice(&raw).map_err(|e| Failure::new(format!("unable to read inspect data: {e}")))?;
    let kind = match kind {
        "container" => Type::Struct(&types::container::CONTAINER),
        "image" => Type::Struct(&types::image::IMAGE),
        "network" => Type::Struct(&types::network::NETWORK),
        "volume" => Type::Struct(&types::mount::VOLUME),
        _ => Type::Pointer(&Type::Open("types.Plugin")),
    };
    Ok(Found { json, kind, raw: Some(raw) })
}

async fn of_kind(c: &Context, m: &Matches, kind: &str) -> Outcome {
    let mut report = Report::new(m.text("format"))?;
    for name in &m.args {
        let got = match named(kind, name) {
            Err(_) if kind == "image" && name.is_empty() => Err(Failure::new("Error: No such image: ")),
            Err(failure) => Err(failure),
            Ok(name) => {
                let mut asked = request(kind, name).query_if(m.on("size"), "size", "1").query_if(m.on("verbose"), "verbose", "true");
                if let Some(scope) = m.get("scope") {
                    asked = asked.query("scope", scope);
                }
                if let Some(platform) = m.get("platform") {
                    asked = asked.query("platform", super::shared::platform_json(platform)?);
                }
                // Volumes are shown as their type has them.
                fetch(c, kind, asked).await.map(|found| if kind == "volume" { Found { raw: None, ..found } } else { found })
            }
        };
        report.add(got);
    }
    report.finish(c)
}

/// `docker container inspect`.
pub async fn container(c: &Context, m: &Matches) -> Outcome {
    of_kind(c, m, "container").await
}

/// `docker image inspect`.
pub async fn image(c: &Context, m: &Matches) -> Outcome {
    of_kind(c, m, "image").await
}

/// `docker network inspect`.
pub async fn network(c: &Context, m: &Matches) -> Outcome {
    of_kind(c, m, "network").await
}

/// `docker volume inspect`.
pub async fn volume(c: &Context, m: &Matches) -> Outcome {
    of_kind(c, m, "volume").await
}

/// `docker plugin inspect`.
pub async fn plugin(c: &Context, m: &Matches) -> Outcome {
    of_kind(c, m, "plugin").await
}

/// An object that was found.
pub struct Found {
    pub json: Json,
    pub kind: Type,
    /// How it was sent, where that is what is shown, and what a template is run on that finds no field of the type.
    pub raw: Option<Vec<u8>>,
}

/// Collects what was found and what was not.
pub struct Report {
    template: Option<Template>,
    json: bool,
    out: Vec<u8>,
    objects: usize,
    failures: Vec<Failure>,
}

impl Report {
    /// A report in the `format` that the user wishes.
    pub fn new(format: &str) -> Result<Report, Failure> {
        let template = match format {
            "" | "json" => None,
            text => Some(template::parse(text).map_err(|e| Failure::new(format!("template parsing error: {e}")).status(64))?),
        };
        Ok(Report { template, json: format == "json", out: Vec::new(), objects: 0, failures: Vec::new() })
    }

    /// Takes what was found, or why it was not.
    pub fn add(&mut self, got: Result<Found, Failure>) {
        let found = match got {
            Ok(found) => found,
            Err(failure) => return self.failures.push(failure),
        };
        let value = Value::Json(found.json, found.kind);
        let Some(template) = &self.template else {
            if self.objects > 0 {
                self.out.push(b',');
            }
            match &found.raw {
                Some(raw) => self.out.extend_from_slice(raw.trim_ascii()),
                None => self.out.extend_from_slice(json_text(&value.to_json(), true).as_bytes()),
            }
            self.objects += 1;
            return;
        };
        let text = template::execute(template, &value, false).or_else(|e| match (found.raw, value) {
            (Some(_), Value::Json(json, _)) => template::execute(template, &Value::raw(json), false),
            _ => Err(e),
        });
        match text {
            Ok(text) => {
                self.out.extend_from_slice(text.as_bytes());
                self.out.push(b'\n');
            }
            Err(e) => self.failures.push(Failure::new(format!("template parsing error: {e}"))),
        }
    }

    /// Prints all of it.
    pub fn finish(self, c: &Context) -> Outcome {
        if self.template.is_some() {
            c.print(if self.out.is_empty() { b"\n" } else { self.out.as_slice() });
        } else if self.objects == 0 {
            c.line("[]");
        } else {
            let whole = [b"[".as_slice(), &self.out, b"]"].concat();
            c.print(if self.json { compact(&whole) } else { indent(&whole) });
            c.line("");
        }
        super::shared::together(self.failures)
    }
}

/// JSON without the blanks between its parts.
fn compact(json: &[u8]) -> Vec<u8> {
    let (mut text, mut escaped) = (false, false);
    let keep = |b: &u8| {
        let here = text;
        match b {
            b'"' if !escaped => text = !text,
            _ => {}
        }
        escaped = here && !escaped && *b == b'\\';
        here || !b.is_ascii_whitespace()
    };
    json.iter()
        .copied()
        .filter({
            let mut keep = keep;
            move |b| keep(b)
        })
        .collect()
}

/// Indents JSON by four blanks and leaves its texts as they are.
pub fn indent(json: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(json.len() * 2);
    let mut depth = 0usize;
    let mut i = 0;
    let newline = |out: &mut Vec<u8>, depth: usize| {
        out.push(b'\n');
        out.extend(std::iter::repeat_n(b' ', depth * 4));
    };
    let next_is = |mut i: usize, wanted: u8| {
        while json.get(i).is_some_and(u8::is_ascii_whitespace) {
            i += 1;
        }
        json.get(i) == Some(&wanted)
    };
    while let Some(&byte) = json.get(i) {
        i += 1;
        match byte {
            b'"' => {
                out.push(byte);
                while let Some(&inner) = json.get(i) {
                    i += 1;
                    out.push(inner);
                    match inner {
                        b'\\' => {
                            out.extend(json.get(i));
                            i += 1;
                        }
                        b'"' => break,
                        _ => {}
                    }
                }
            }
            b'{' | b'[' => {
                out.push(byte);
                depth += 1;
                if !next_is(i, byte + 2) {
                    newline(&mut out, depth);
                }
            }
            b'}' | b']' => {
                depth = depth.saturating_sub(1);
                if !matches!(out.last(), Some(b'{' | b'[')) {
                    newline(&mut out, depth);
                }
                out.push(byte);
            }
            b',' => {
                out.push(byte);
                newline(&mut out, depth);
            }
            b':' => out.extend_from_slice(b": "),
            b if b.is_ascii_whitespace() => {}
            b => out.push(b),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::indent;

    #[test]
    fn json_is_indented_and_its_texts_are_kept() {
        let text = String::from_utf8(indent(br#"[{"a b":"c: {,}\" \u003c","d":[],"e":{},"f":[1,null]}]"#)).unwrap_or_default();
        assert_eq!(
            text,
            "[\n    {\n        \"a b\": \"c: {,}\\\" \\u003c\",\n        \"d\": [],\n        \"e\": {},\n        \"f\": [\n            1,\n            null\n        ]\n    }\n]"
        );
    }
}
