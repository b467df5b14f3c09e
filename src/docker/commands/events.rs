//! `docker events`.

use serde_json::Value as Json;

use super::shared::{filters, int, now, text};
use crate::docker::client::Request;
use crate::docker::cmdline::Matches;
use crate::docker::context::Context;
use crate::docker::failure::{Failure, Outcome};
use crate::docker::template::types::{Type, system};
use crate::docker::template::{self, Template, Value};
use crate::docker::times::timestamp;

/// What a template is given.
const MESSAGE: Type = Type::Pointer(&Type::Struct(&system::EVENT));

/// `docker events`: a line an event, until the engine ends the stream.
pub async fn events(c: &Context, m: &Matches) -> Outcome {
    let template = match m.text("format") {
        "" => None,
        "json" => Some("{{json .}}"),
        given => Some(given),
    };
    let template = template.map(template::parse).transpose().map_err(|e| Failure::new(format!("Error parsing format: {e}")).status(64))?;
    // A field that no event has is refused before any comes.
    if let Some(template) = &template {
        template::execute(template, &Value::Json(serde_json::json!({}), MESSAGE), false)
            .map_err(|e| Failure::new(format!("Error parsing format: {e}")).status(64))?;
    }
    let mut request = Request::get("/events");
    for key in ["since", "until"] {
        if let Some(given) = m.get(key).filter(|t| !t.is_empty()) {
            request = request.query(key, timestamp(given, now()).map_err(Failure::new)?);
        }
    }
    if let Some(filters) = filters(m.all("filter"))? {
        request = request.query("filters", filters);
    }
    let mut answer = c.client()?.send(request).await?;
    let mut buffer = Vec::new();
    while let Some(bytes) = answer.chunk().await? {
        buffer.extend_from_slice(&bytes);
        let mut events = serde_json::Deserializer::from_slice(&buffer).into_iter::<Json>();
        let mut used = 0;
        for event in events.by_ref() {
            match event {
                Ok(event) => c.line(line(&event, template.as_ref())?),
                Err(e) if e.is_eof() => break,
                Err(e) => return Err(Failure::new(format!("the engine sent something else than events: {e}"))),
            }
        }
        used += events.byte_offset();
        buffer.drain(..used.min(buffer.len()));
    }
    Ok(0)
}

fn line(event: &Json, template: Option<&Template>) -> Result<String, Failure> {
    if let Some(template) = template {
        return template::execute(template, &Value::Json(event.clone(), MESSAGE), false).map_err(Failure::new);
    }
    let (nanos, seconds) = (int(event, "timeNano"), int(event, "time"));
    let stamp = if nanos != 0 { jiff::Timestamp::from_nanosecond(i128::from(nanos)) } else { jiff::Timestamp::from_second(seconds) };
    let stamp = stamp.map(fixed_stamp).unwrap_or_default();
    let actor = event.get("Actor").unwrap_or(&Json::Null);
    let mut attributes: Vec<String> = actor
        .get("Attributes")
        .and_then(Json::as_object)
        .into_iter()
        .flatten()
        .map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default()))
        .collect();
    attributes.sort();
    let attributes = if attributes.is_empty() { String::new() } else { format!(" ({})", attributes.join(", ")) };
    Ok(format!("{stamp} {} {} {}{attributes}", text(event, "Type"), text(event, "Action"), text(actor, "ID")))
}

/// A time in the local zone with all nine decimals.
fn fixed_stamp(stamp: jiff::Timestamp) -> String {
    let zoned = stamp.to_zoned(crate::docker::zone::local());
    let zone = if zoned.offset().is_zero() { "Z".to_owned() } else { zoned.strftime("%:z").to_string() };
    format!("{}.{:09}{zone}", zoned.strftime("%Y-%m-%dT%H:%M:%S"), stamp.subsec_nanosecond())
}
