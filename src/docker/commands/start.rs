//! `docker start`, attached or not.

use serde_json::Value as Json;

use super::session::{self, Exit};
use super::shared::{container_name, text};
use crate::docker::client::Request;
use crate::docker::cmdline::Matches;
use crate::docker::context::Context;
use crate::docker::failure::{Failure, Outcome};
use crate::docker::signals::{Ending, Manner};
use crate::docker::stream::{self, End, Plan};
use crate::docker::terminal;

/// `docker start CONTAINER…`.
pub async fn start(c: &Context, m: &Matches) -> Outcome {
    let (attach, interactive) = (m.on("attach"), m.on("interactive"));
    if attach || interactive {
        if m.args.len() > 1 {
            return Err(Failure::new("you cannot start and attach multiple containers at once"));
        }
        return attached(c, m, attach, interactive).await;
    }
    let mut failed = Vec::new();
    for name in &m.args {
        let started = async {
            let request = Request::post(format!("/containers/{}/start", container_name(name)?));
            let request = match m.text("checkpoint") {
                "" => request,
                checkpoint => request.query("checkpoint", checkpoint),
            };
            c.client()?.send(request).await.map(drop)
        };
        match started.await {
            Ok(()) => c.line(name),
            Err(failure) => {
                c.warn_line(&failure.text);
                failed.push(name.as_str());
            }
        }
    }
    if failed.is_empty() { Ok(0) } else { Err(Failure::new(format!("Error: failed to start containers: {}", failed.join(", ")))) }
}

async fn attached(c: &Context, m: &Matches, attach: bool, interactive: bool) -> Outcome {
    let client = c.client()?;
    let container = client.send(Request::get(format!("/containers/{}/json", container_name(&m.args[0])?))).await?.json().await?;
    let config = container.get("Config").cloned().unwrap_or(Json::Null);
    let on = |key: &str| config.get(key).and_then(Json::as_bool) == Some(true);
    let (tty, stdin) = (on("Tty"), interactive && on("OpenStdin"));
    let id = text(&container, "Id").to_owned();
    let keys = terminal::detach_keys(&c.detach_keys(m))?;
    c.manner.set(Manner::Stays);
    let mut ending = Ending::new();
    let proxied = attach && m.on_unless("sig-proxy") && !tty;
    let signals = proxied.then(|| session::proxy_signals(client, &id, session::ENDING));
    let hijacked = client.hijack(session::attach(&id, [stdin, true, true], &c.detach_keys(m))).await?;
    let removed = container.get("HostConfig").and_then(|h| h.get("AutoRemove")).and_then(Json::as_bool) == Some(true);
    let waiting = session::wait(client, &id, if removed { "removed" } else { "next-exit" }).await?;
    let raw = if tty && stdin { terminal::RawMode::enter() } else { None };
    client.send(Request::post(format!("/containers/{id}/start"))).await?;
    let resizing = (tty && c.stdout_is_terminal()).then(|| session::follow_size(client, format!("/containers/{id}/resize")));
    let plan = Plan { stdin, stdout: true, stderr: true, multiplexed: !tty, detach: tty.then_some(keys) };
    let end = tokio::select! {
        biased;
        end = session::beside(resizing, signals, stream::run(hijacked, plan)) => end?,
        // Docker's client passes the signal on and leaves, as it does not for `run` and `attach`.
        number = ending.next() => {
            if proxied {
                let _ = client.send(Request::post(format!("/containers/{id}/kill")).query("signal", number.to_string())).await;
            }
            return Ok(0);
        }
    };
    drop(raw);
    if end == End::Detached {
        return Ok(0);
    }
    waiting.exit().await.map(Exit::status)
}
