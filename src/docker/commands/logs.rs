//! `docker logs`.

use serde_json::Value as Json;

use super::shared::{container_name, now, text};
use crate::docker::client::Request;
use crate::docker::cmdline::Matches;
use crate::docker::context::Context;
use crate::docker::failure::{Failure, Outcome};
use crate::docker::stream;
use crate::docker::times::timestamp;

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
            let stamp = timestamp(given, now()).map_err(|e| Failure::new(format!("invalid value for \"{key}\": {e}")))?;
            request = request.query(key, stamp);
        }
    }
    stream::copy_answer(client.send(request).await?, !tty).await?;
    Ok(0)
}
