//! `docker logs`.

use serde_json::Value as Json;

use super::shared::{container_name, now, text};
use crate::docker::client::Request;
use crate::docker::cmdline::Matches;
use crate::docker::context::Context;
use crate::docker::failure::{Failure, Outcome};
use crate::docker::{stream, units};

/// `docker logs CONTAINER`.
pub async fn logs(c: &Context, m: &Matches) -> Outcome {
    let client = c.client()?;
    let name = container_name(&m.args[0])?;
    let container = client.send(Request::get(format!("/containers/{name}/json"))).await?.json().await?;
    let tty = container.get("Config").and_then(|config| config.get("Tty")).and_then(Json::as_bool) == Some(true);
    let mut request = Request::get(format!("/containers/{}/logs", text(&container, "Id")))
        .query("stdout", "1")
        .query("stderr", "1")
        .query("tail", m.get("tail").unwrap_or("all"))
        .query_if(m.on("timestamps"), "timestamps", "1")
        .query_if(m.on("details"), "details", "1")
        .query_if(m.on("follow"), "follow", "1");
    for key in ["since", "until"] {
        if let Some(given) = m.get(key).filter(|t| !t.is_empty()) {
            let stamp = timestamp(given).map_err(|e| Failure::new(format!("invalid value for \"{key}\": {e}")))?;
            request = request.query(key, stamp);
        }
    }
    stream::copy_answer(client.send(request).await?, !tty).await?;
    Ok(0)
}

/// A time as the API wants it, seconds with nine decimals: given as a duration before now, as a date, or as seconds.
pub fn timestamp(given: &str) -> Result<String, String> {
    // Nought is the beginning of time, not now.
    if let Some(nanos) = units::parse_duration(given).filter(|_| given != "0") {
        return Ok(((now() - nanos as f64 / 1e9).floor() as i64).to_string());
    }
    let number = |t: &str| !t.is_empty() && t.bytes().all(|b| b.is_ascii_digit());
    let (whole, part) = given.split_once('.').unwrap_or((given, ""));
    if number(whole) && (part.is_empty() || number(part)) {
        return Ok(given.to_owned());
    }
    let wrong = || format!("failed to parse value as time or duration: {}", units::quote(given));
    let stamp = if let Ok(stamp) = given.parse::<jiff::Timestamp>() {
        stamp
    } else {
        let local: jiff::civil::DateTime = given.parse().map_err(|_| wrong())?;
        local.to_zoned(crate::docker::zone::local()).map_err(|_| wrong())?.timestamp()
    };
    Ok(format!("{}.{:09}", stamp.as_second(), stamp.subsec_nanosecond()))
}
