//! `docker exec`.

use serde_json::{Value as Json, json};

use super::run_config;
use super::session;
use super::shared::{container_name, int, text};
use crate::docker::client::Request;
use crate::docker::cmdline::Matches;
use crate::docker::context::Context;
use crate::docker::failure::{Failure, Outcome};
use crate::docker::signals::Manner;
use crate::docker::stream::{self, End, Plan};
use crate::docker::terminal;

/// `docker exec CONTAINER COMMAND…`.
pub async fn exec(c: &Context, m: &Matches) -> Outcome {
    let (tty, detach) = (m.on("tty"), m.on("detach"));
    let stdin = m.on("interactive") && !detach;
    let keys = if tty { terminal::detach_keys(&c.detach_keys(m))? } else { Vec::new() };
    let env = run_config::environment(m)?;
    let client = c.client()?;
    let name = container_name(&m.args[0])?;
    client.send(Request::get(format!("/containers/{name}/json"))).await?.bytes().await?;
    if !detach && stdin && tty && !c.stdin_is_terminal() {
        return Err(Failure::new("the input device is not a TTY"));
    }
    let mut body = json!({
        "User": m.text("user"),
        "Privileged": m.on("privileged"),
        "Tty": tty,
    });
    if let Some(size) = console_size(tty && !detach) {
        body["ConsoleSize"] = size;
    }
    let rest = json!({
        "AttachStdin": stdin,
        "AttachStderr": !detach,
        "AttachStdout": !detach,
        "Detach": detach,
        "DetachKeys": c.detach_keys(m),
        "Env": if env.is_empty() { Json::Null } else { Json::from(env) },
        "WorkingDir": m.text("workdir"),
        "Cmd": m.args[1..],
    });
    if let (Json::Object(body), Json::Object(rest)) = (&mut body, rest) {
        body.extend(rest);
    }
    let made = client.send(Request::post(format!("/containers/{name}/exec")).json(&body)).await?.json().await?;
    let id = text(&made, "Id").to_owned();
    if id.is_empty() {
        return Err(Failure::new("exec ID empty"));
    }
    let mut start = json!({"Detach": detach, "Tty": tty});
    if let Some(size) = console_size(tty && !detach) {
        start["ConsoleSize"] = size;
    }
    let request = Request::post(format!("/exec/{id}/start")).json(&start);
    if detach {
        client.send(request).await?;
        return Ok(0);
    }
    c.manner.set(Manner::Leaves);
    let hijacked = client.hijack(request).await?;
    let raw = if tty && stdin { terminal::RawMode::enter() } else { None };
    let resizing = (tty && c.stdout_is_terminal()).then(|| session::follow_size(client, format!("/exec/{id}/resize")));
    let plan = Plan { stdin, stdout: true, stderr: true, multiplexed: !tty, detach: tty.then_some(keys) };
    let end = session::beside(resizing, None, stream::run(hijacked, plan)).await?;
    drop(raw);
    if end == End::Detached {
        return Err(Failure::new("read escape sequence"));
    }
    let done = client.send(Request::get(format!("/exec/{id}/json"))).await?.json().await?;
    Ok(int(&done, "ExitCode") as u8)
}

/// Rows and columns, where the process gets a terminal and there is one here.
fn console_size(tty: bool) -> Option<Json> {
    let (rows, columns) = terminal::output_size();
    (tty && (rows, columns) != (0, 0)).then(|| json!([rows, columns]))
}
