//! A build as JSON, one object for each piece of news, with the fields of BuildKit's `SolveStatus`.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::base64;
use crate::trace::News;

/// The news as a line.
pub fn line(news: &News) -> String {
    let mut whole = Map::new();
    let mut put = |key: &str, list: Vec<Value>| {
        if !list.is_empty() {
            whole.insert(key.to_owned(), list.into());
        }
    };
    let vertexes = news.vertexes.iter().map(|v| {
        kept(json!({
            "digest": v.digest, "inputs": v.inputs, "name": v.name, "started": time(v.started), "completed": time(v.completed),
            "cached": v.cached, "error": v.error,
        }))
    });
    put("vertexes", vertexes.collect());
    let statuses = news.statuses.iter().map(|s| {
        let mut status = kept(json!({
            "id": s.id, "vertex": s.vertex, "name": s.name, "total": s.total, "timestamp": time(s.timestamp),
            "started": time(s.started), "completed": time(s.completed),
        }));
        status["current"] = s.current.into();
        status
    });
    put("statuses", statuses.collect());
    let logs = news
        .logs
        .iter()
        .map(|l| json!({ "vertex": l.vertex, "stream": l.stream, "data": base64::encode(&l.data), "timestamp": time(l.timestamp) }));
    put("logs", logs.collect());
    let warnings = news.warnings.iter().map(|w| {
        let encode = |text: &String| base64::encode(text.as_bytes());
        let mut warning = json!({
            "vertex": w.vertex, "level": w.level, "short": encode(&w.short),
            "detail": w.detail.iter().map(encode).collect::<Vec<_>>(), "url": w.url,
        });
        if let Some(source) = &w.source {
            warning["sourceInfo"] = json!({ "filename": source.filename, "data": encode(&source.text) });
            warning["range"] = json!([{ "start": { "line": source.first }, "end": { "line": source.last } }]);
        }
        warning
    });
    put("warnings", warnings.collect());
    format!("{}\n", Value::Object(whole))
}

fn time(time: Option<Timestamp>) -> Value {
    time.map_or(Value::Null, |time| time.to_string().into())
}

/// Without the fields that say nothing.
fn kept(mut object: Value) -> Value {
    if let Some(fields) = object.as_object_mut() {
        fields.retain(|_, value| !(value.is_null() || *value == false || *value == "" || *value == 0 || *value == json!([])));
    }
    object
}
