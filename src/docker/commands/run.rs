//! `docker run` and `docker create`: create (pull where needed), attach, wait, start, in this order.

use std::path::Path;

use serde_json::Value as Json;

use super::pull::pull_request;
use super::run_config;
use super::session::{self, Exit};
use super::shared::{int, list, platform_parts, text};
use super::trust;
use crate::docker::client::{Client, Request};
use crate::docker::cmdline::Matches;
use crate::docker::context::Context;
use crate::docker::failure::{Failure, Outcome};
use crate::docker::progress::Progress;
use crate::docker::reference::Reference;
use crate::docker::signals::Manner;
use crate::docker::stream::{self, End, Plan};
use crate::docker::terminal;

/// The status of `run` when the engine, not the container, failed.
const RUN_FAILED: u8 = 125;
const NOT_EXECUTABLE: u8 = 126;
const NOT_FOUND: u8 = 127;

/// `docker create`.
pub async fn create(c: &Context, m: &Matches) -> Outcome {
    check_pull(m, "create")?;
    let m = &with_proxies(c, m);
    let spec = run_config::read(m, false).map_err(|e| e.status(RUN_FAILED).with_help("create"))?;
    let id = create_container(c, m, &spec).await?;
    c.line(id);
    Ok(0)
}

/// `docker run`.
pub async fn run(c: &Context, m: &Matches) -> Outcome {
    check_pull(m, "run")?;
    let m = &with_proxies(c, m);
    let usage = |e: Failure| e.status(RUN_FAILED).with_help("run");
    let detach = m.on("detach");
    let spec = run_config::read(m, detach).map_err(usage)?;
    let config = &spec.config;
    let (tty, interactive) = (config.tty, config.attach_stdin);
    if detach && m.given("attach") {
        return Err(Failure::new("conflicting options: cannot specify both --attach and --detach"));
    }
    if !detach && interactive && tty && !c.stdin_is_terminal() {
        return Err(Failure::new("the input device is not a TTY"));
    }
    let keys = c.detach_keys(m);
    let client = c.client().map_err(usage)?;
    let id = create_container(c, m, &spec).await.map_err(run_failure)?;
    if detach {
        let started = client.send(Request::post(format!("/containers/{id}/start"))).await;
        c.line(&id);
        started.map_err(run_failure)?;
        return Ok(0);
    }
    c.manner.set(Manner::Stays);
    let signals = m.on_unless("sig-proxy").then(|| session::proxy_signals(client, &id, &[]));
    let attaches = config.attach_stdin || config.attach_stdout || config.attach_stderr;
    let hijacked = if attaches {
        let streams = [config.attach_stdin, config.attach_stdout, config.attach_stderr];
        Some(client.hijack(session::attach(&id, streams, keys.as_str())).await?)
    } else {
        None
    };
    let auto_remove = m.on("rm");
    let waiting = session::wait(client, &id, if auto_remove { "removed" } else { "next-exit" }).await.map_err(run_failure)?;
    let raw = if tty && interactive { terminal::RawMode::enter() } else { None };
    if let Err(failure) = client.send(Request::post(format!("/containers/{id}/start"))).await {
        drop(raw);
        drop(hijacked);
        if auto_remove {
            let _ = waiting.exit().await;
        }
        return Err(run_failure(failure));
    }
    let resizing = (tty && c.stdout_is_terminal()).then(|| session::follow_size(client, format!("/containers/{id}/resize")));
    if let Some(hijacked) = hijacked {
        let plan = Plan {
            stdin: config.attach_stdin,
            stdout: config.attach_stdout,
            stderr: config.attach_stderr,
            multiplexed: !tty,
            // The engine, which was told of them, has refused wrong ones.
            detach: if tty { Some(terminal::detach_keys(&keys)?) } else { None },
        };
        let end = session::beside(resizing, signals, stream::run(hijacked, plan)).await?;
        drop(raw);
        if end == End::Detached {
            return Ok(0);
        }
        return waiting.exit().await.map(Exit::status);
    }
    session::beside(resizing, signals, waiting.exit()).await.map(Exit::status)
}

/// The command line with what the configuration adds; an engine that cannot be found is told of later.
fn with_proxies(c: &Context, m: &Matches) -> Matches {
    c.with_proxies(m, "env").unwrap_or_else(|_| m.clone())
}

fn check_pull(m: &Matches, command: &str) -> Result<(), Failure> {
    match m.get("pull") {
        None | Some("always" | "missing" | "never") => Ok(()),
        Some(other) => {
            let text = format!("invalid pull option: '{other}': must be one of \"always\", \"missing\" or \"never\"");
            Err(Failure::new(text).status(RUN_FAILED).with_help(command))
        }
    }
}

/// Gives a failure of `run` its status: 127 and 126 where the command cannot be executed.
fn run_failure(failure: Failure) -> Failure {
    if failure.text.is_empty() {
        return failure;
    }
    let has = |part: &str| failure.text.contains(part);
    let status = if has("executable file not found") || has("no such file or directory") || has("system cannot find the file specified") {
        NOT_FOUND
    } else if has("permission denied") || has("is a directory") {
        NOT_EXECUTABLE
    } else {
        RUN_FAILED
    };
    failure.status(status).with_help("run")
}

/// Creates the container and pulls its image where that is needed; gives its id.
async fn create_container(c: &Context, m: &Matches, spec: &run_config::Spec) -> Result<String, Failure> {
    let client = c.client()?;
    let mut id_file = match m.text("cidfile") {
        "" => None,
        path => Some(IdFile::open(path)?),
    };
    let image = m.args[0].as_str();
    let mut reference = if super::image::is_image_id(image) { None } else { Some(Reference::parse(image)?) };
    if let Some(reference) = &mut reference {
        reference.default_tag();
        trust::refuse_unsigned(m, reference).await?;
    }
    let pull = m.get("pull").unwrap_or("missing");
    if pull == "always"
        && let Some(reference) = &reference
    {
        pull_image(c, m, client, reference).await?;
    }
    let body = spec.to_json();
    let request = || -> Result<Request<'_>, Failure> {
        let mut request = Request::post("/containers/create").json(&body);
        if let Some(name) = m.get("name").filter(|n| !n.is_empty()) {
            request = request.query("name", name);
        }
        match m.get("platform").filter(|p| !p.is_empty()) {
            Some(platform) => Ok(request.query("platform", platform_text(platform)?)),
            None => Ok(request),
        }
    };
    let answer = match client.send(request()?).await {
        Err(failure) if failure.is_not_found() && pull == "missing" && reference.is_some() => {
            let Some(reference) = &reference else { return Err(failure) };
            if !m.on("quiet") {
                c.warn_line(format!("Unable to find image '{}' locally", reference.familiar()));
            }
            pull_image(c, m, client, reference).await?;
            client.send(request()?).await?
        }
        other => other?,
    };
    let made = answer.json().await?;
    for warning in list(&made, "Warnings").filter_map(Json::as_str) {
        c.warn_line(format!("WARNING: {warning}"));
    }
    let id = text(&made, "Id").to_owned();
    if let Some(file) = &mut id_file {
        file.write(&id)?;
    }
    Ok(id)
}

/// `linux/arm64` in the normal form of the query.
fn platform_text(platform: &str) -> Result<String, Failure> {
    let json = platform_parts(platform).map_err(|why| Failure::new(format!("error parsing specified platform: {why}")))?;
    let parts = [text(&json, "os"), text(&json, "architecture"), text(&json, "variant")];
    Ok(parts.into_iter().filter(|p| !p.is_empty()).collect::<Vec<_>>().join("/"))
}

/// Pulls with the progress on standard error.
async fn pull_image(c: &Context, m: &Matches, client: &Client, reference: &Reference) -> Result<(), Failure> {
    let mut answer = client.send(pull_request(c, reference, m.text("platform"))).await?;
    let mut progress = Progress::new(c, m.on("quiet")).on_stderr();
    while let Some(bytes) = answer.chunk().await? {
        progress.show(&bytes, &|text| c.warn(text), &mut |_| {})?;
    }
    progress.finish()
}

/// `--cidfile`: made before the container, removed again if none came about.
struct IdFile<'p> {
    path: &'p Path,
    written: bool,
}

impl IdFile<'_> {
    fn open(path: &str) -> Result<IdFile<'_>, Failure> {
        let path = Path::new(path);
        if path.exists() {
            return Err(Failure::new(format!(
                "container ID file found, make sure the other container isn't running or delete {}",
                path.display()
            )));
        }
        std::fs::File::create(path).map_err(|e| {
            Failure::new(format!("failed to create the container ID file: open {}: {}", path.display(), crate::units::go_words(&e)))
        })?;
        Ok(IdFile { path, written: false })
    }

    fn write(&mut self, id: &str) -> Result<(), Failure> {
        std::fs::write(self.path, id)?;
        self.written = true;
        Ok(())
    }
}

impl Drop for IdFile<'_> {
    fn drop(&mut self) {
        if !self.written {
            let _ = std::fs::remove_file(self.path);
        }
    }
}

/// The status in an answer of `wait`.
pub fn wait_status(answer: &Json) -> Result<Exit, Failure> {
    if let Some(error) = answer.get("Error").and_then(|e| e.get("Message")).and_then(Json::as_str).filter(|m| !m.is_empty()) {
        return Err(Failure::new(format!("Error waiting for container: {error}")).status(RUN_FAILED));
    }
    Ok(Exit(int(answer, "StatusCode")))
}
