//! `docker attach`.

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

/// `docker attach CONTAINER`.
pub async fn attach(c: &Context, m: &Matches) -> Outcome {
    let client = c.client()?;
    let name = container_name(&m.args[0])?;
    let waiting = session::wait(client, name, "").await;
    let container = client.send(Request::get(format!("/containers/{name}/json"))).await?.json().await?;
    let state = |key: &str| container.get("State").and_then(|s| s.get(key)).and_then(Json::as_bool) == Some(true);
    let why = match () {
        () if !state("Running") => "You cannot attach to a stopped container, start it first",
        () if state("Paused") => "You cannot attach to a paused container, unpause it first",
        () if state("Restarting") => "You cannot attach to a restarting container, wait until it is running",
        () => "",
    };
    if !why.is_empty() {
        return Err(Failure::new(why));
    }
    let config = container.get("Config").cloned().unwrap_or(Json::Null);
    let on = |key: &str| config.get(key).and_then(Json::as_bool) == Some(true);
    let (tty, stdin) = (on("Tty"), !m.on("no-stdin") && on("OpenStdin"));
    if stdin && tty && !c.stdin_is_terminal() {
        return Err(Failure::new("the input device is not a TTY"));
    }
    let id = text(&container, "Id").to_owned();
    let keys = terminal::detach_keys(&c.detach_keys(m))?;
    c.manner.set(Manner::Stays);
    let mut ending = Ending::new();
    let signals = (m.on_unless("sig-proxy") && !tty).then(|| session::proxy_signals(client, &id, &[]));
    let hijacked = client.hijack(session::attach(name, [stdin, true, true], &c.detach_keys(m))).await?;
    let raw = if tty && stdin { terminal::RawMode::enter() } else { None };
    let resizing = (tty && c.stdout_is_terminal()).then(|| session::follow_size(client, format!("/containers/{id}/resize")));
    let plan = Plan { stdin, stdout: true, stderr: true, multiplexed: !tty, detach: tty.then_some(keys) };
    let end = tokio::select! {
        biased;
        end = session::beside(resizing, signals, stream::run(hijacked, plan)) => end?,
        // Nobody passes the signal on: the terminal is given back, and only the container's end is waited for.
        _ = ending.next(), if tty => End::Closed,
    };
    drop(raw);
    if end == End::Detached {
        return Err(Failure::new("read escape sequence"));
    }
    waiting?.exit().await.map(Exit::status)
}
