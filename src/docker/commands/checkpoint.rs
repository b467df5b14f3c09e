//! `docker checkpoint …`: what only engines with experimental features do.

use crate::docker::client::Request;
use crate::docker::cmdline::Matches;
use crate::docker::context::Context;
use crate::docker::failure::Outcome;

/// `docker checkpoint create`, `ls` and `rm`.
pub async fn ask(c: &Context, m: &Matches) -> Outcome {
    let client = c.client()?;
    let path = format!("/containers/{}/checkpoints", m.args[0]);
    let folder = m.text("checkpoint-dir");
    let name = m.args.get(1).map(String::as_str).unwrap_or_default();
    match m.path.as_str() {
        "checkpoint create" => {
            let body = serde_json::json!({ "CheckpointID": name, "CheckpointDir": folder, "Exit": !m.on("leave-running") });
            client.send(Request::post(path).json(&body)).await?;
            c.line(name);
        }
        "checkpoint rm" => {
            client.send(Request::delete(format!("{path}/{name}")).query_if(!folder.is_empty(), "dir", folder)).await?;
        }
        _ => {
            let all = client.send(Request::get(path).query_if(!folder.is_empty(), "dir", folder)).await?.json().await?;
            c.line("CHECKPOINT NAME");
            for one in all.as_array().into_iter().flatten() {
                c.line(super::shared::text(one, "Name"));
            }
        }
    }
    Ok(0)
}
