//! Warnings as the answer to `frontend.lint` has them: JSON with the rules, the places, and the text that these are in.

use serde_json::{Value as Json, json};

use super::{Source, Warning};
use crate::base64;

/// Why a check came to no end.
#[derive(Clone, Debug, PartialEq)]
pub struct Failure {
    pub message: String,
    pub source: Option<Source>,
}

/// The answer for these warnings.
pub fn encode(warnings: &[Warning], failure: Option<&Failure>) -> Vec<u8> {
    let mut sources: Vec<&Source> = Vec::new();
    let mut said = Vec::new();
    if let Some(source) = failure.and_then(|failure| failure.source.as_ref()) {
        sources.push(source);
    }
    for warning in warnings {
        let (rule, message) = parts(warning);
        let mut fields = json!({ "ruleName": rule, "detail": message });
        for (name, value) in [("description", warning.detail.join("\n")), ("url", warning.url.clone())] {
            if !value.is_empty() {
                fields[name] = value.into();
            }
        }
        if let Some(source) = &warning.source {
            let same = |other: &&Source| (&other.filename, &other.text) == (&source.filename, &source.text);
            let at = sources.iter().position(same).unwrap_or_else(|| {
                sources.push(source);
                sources.len() - 1
            });
            let range = json!({ "start": { "line": source.first }, "end": { "line": source.last } });
            fields["location"] = if at == 0 { json!({ "ranges": [range] }) } else { json!({ "sourceIndex": at, "ranges": [range] }) };
        }
        said.push(fields);
    }
    let sources: Vec<Json> = sources
        .iter()
        .map(|source| json!({ "filename": source.filename, "language": "Dockerfile", "data": base64::encode(source.text.as_bytes()) }))
        .collect();
    let mut answer = json!({ "warnings": said, "sources": sources });
    if let Some(Failure { message, source }) = failure {
        answer["buildError"] = json!({ "message": message, "location": {} });
        if let Some(Source { first, last, .. }) = source {
            answer["buildError"]["location"] = json!({ "ranges": [{ "start": { "line": first }, "end": { "line": last } }] });
        }
    }
    serde_json::to_vec_pretty(&answer).unwrap_or_default()
}

/// Reads an answer; `None` where it makes no sense.
pub fn decode(answer: &[u8]) -> Option<(Vec<Warning>, Option<Failure>)> {
    let answer: Json = serde_json::from_slice(answer).ok()?;
    let none = Vec::new();
    let list = |name: &str| answer.get(name).and_then(Json::as_array).unwrap_or(&none);
    let text = |of: &Json, name: &str| of.get(name).and_then(Json::as_str).unwrap_or_default().to_owned();
    let mut sources = Vec::new();
    for source in list("sources") {
        let filename = [text(source, "filename"), text(source, "fileName")].concat();
        let data = base64::decode(&text(source, "data"))?;
        sources.push(Source { filename, text: String::from_utf8_lossy(&data).into_owned(), first: 0, last: 0 });
    }
    let located = |fields: &Json| {
        let location = fields.get("location");
        let at = location.and_then(|location| location.get("sourceIndex")).and_then(Json::as_i64).unwrap_or(0);
        let range = location.and_then(|location| location.get("ranges")?.as_array()?.first());
        let line = |end: &str| usize::try_from(range?.get(end)?.get("line")?.as_u64()?).ok();
        let source = usize::try_from(at).ok().and_then(|at| sources.get(at));
        source.zip(line("start")).map(|(source, first)| Source { first, last: line("end").unwrap_or(first), ..source.clone() })
    };
    let mut warnings = Vec::new();
    for fields in list("warnings") {
        let source = located(fields);
        let place = source.as_ref().map_or_else(String::new, |source| format!(" (line {})", source.first));
        warnings.push(Warning {
            short: format!("{}: {}{place}", text(fields, "ruleName"), text(fields, "detail")),
            detail: vec![text(fields, "description")],
            url: text(fields, "url"),
            level: 1,
            source,
            ..Warning::default()
        });
    }
    let failure = answer.get("buildError").map(|error| Failure { message: text(error, "message"), source: located(error) });
    Some((warnings, failure))
}

/// A warning's rule, and its message without the line.
pub fn parts(warning: &Warning) -> (&str, &str) {
    let (rule, message) = warning.short.split_once(": ").unwrap_or(("", &warning.short));
    (rule, message.rsplit_once(" (line ").map_or(message, |(message, _)| message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn warnings_survive() {
        let source = |first, last| Some(Source { filename: "D".into(), text: "FROM a\nCMD b\n".into(), first, last });
        let warning = |short: &str, source| Warning {
            short: short.into(),
            detail: vec!["why".into()],
            url: "https://example.com/".into(),
            level: 1,
            source,
            ..Warning::default()
        };
        let all = vec![warning("A: one (line 1)", source(1, 1)), warning("B: two: of them (line 2)", source(2, 3)), warning("C: x", None)];
        assert_eq!(decode(&encode(&all, None)), Some((all.clone(), None)));
        let failure = Failure { message: "no".into(), source: source(2, 2) };
        assert_eq!(decode(&encode(&all, Some(&failure))), Some((all, Some(failure))));
        assert_eq!(decode(b"{}"), Some((Vec::new(), None)));
        assert_eq!(decode(b"{\"warnings\": [{\"location\": {\"sourceIndex\": -1}}]}").map(|(all, _)| all.len()), Some(1));
        assert_eq!(decode(b"nonsense"), None);
    }
}
