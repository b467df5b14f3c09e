//! Commands that move tar archives: save, load, import, export.

use std::io::{Read, Write};
use std::path::Path;

use bytes::Bytes;
use serde_json::Value as Json;
use tokio::sync::mpsc;

use super::shared::container_name;
use crate::docker::client::{Answer, Outgoing, Request};
use crate::docker::cmdline::Matches;
use crate::docker::context::Context;
use crate::docker::failure::{Failure, Outcome};
use crate::docker::progress::Progress;
use crate::docker::reference::Reference;
use crate::units::go_words;

/// Chunks read from `source` on a thread of its own.
pub fn chunks(mut source: impl Read + Send + 'static) -> mpsc::Receiver<std::io::Result<Bytes>> {
    let (sender, receiver) = mpsc::channel(4);
    std::thread::spawn(move || {
        let mut buffer = vec![0u8; 64 * 1024];
        loop {
            match source.read(&mut buffer) {
                Ok(0) => break,
                Ok(n) => {
                    if sender.blocking_send(Ok(Bytes::copy_from_slice(&buffer[..n]))).is_err() {
                        break;
                    }
                }
                Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
                Err(e) => {
                    let _ = sender.blocking_send(Err(e));
                    break;
                }
            }
        }
    });
    receiver
}

fn open(path: &str) -> Result<std::fs::File, Failure> {
    std::fs::File::open(path).map_err(|e| Failure::new(format!("open {path}: {}", go_words(&e))))
}

/// Writes an answer to a file beside `path` and renames it, or to standard output.
async fn write_out(c: &Context, mut answer: Answer, path: &str) -> Result<(), Failure> {
    if path.is_empty() {
        while let Some(bytes) = answer.chunk().await? {
            c.print(&bytes);
        }
        return Ok(());
    }
    let folder = Path::new(path).parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::with_prefix_in(".docker_temp_", folder)?;
    while let Some(bytes) = answer.chunk().await? {
        file.write_all(&bytes)?;
    }
    file.as_file().sync_all()?;
    file.persist(path).map_err(|e| Failure::from(e.error))?;
    Ok(())
}

/// Checks where output goes, before anything is asked.
fn check_output(c: &Context, path: &str, command: &str) -> Result<(), Failure> {
    if path.is_empty() {
        if c.stdout_is_terminal() {
            return Err(Failure::new("cowardly refusing to save to a terminal. Use the -o flag or redirect"));
        }
        return Ok(());
    }
    let path = Path::new(path);
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if let Err(e) = folder.metadata() {
        return Err(Failure::new(format!("failed to {command}: invalid output path: stat {}: {}", folder.display(), go_words(&e))));
    }
    if path.is_dir() {
        return Err(Failure::new(format!("failed to {command}: cannot write to a directory")));
    }
    Ok(())
}

/// `docker save`.
pub async fn save(c: &Context, m: &Matches) -> Outcome {
    let output = m.text("output");
    check_output(c, output, "save image")?;
    let mut request = Request::get("/images/get");
    for name in &m.args {
        request = request.query("names", name.clone());
    }
    for platform in m.all("platform") {
        request = request.query("platform", super::shared::platform_json(platform)?);
    }
    let answer = c.client()?.send(request).await?;
    write_out(c, answer, output).await?;
    Ok(0)
}

/// `docker export`.
pub async fn export(c: &Context, m: &Matches) -> Outcome {
    let output = m.text("output");
    check_output(c, output, "export container")?;
    let answer = c.client()?.send(Request::get(format!("/containers/{}/export", container_name(&m.args[0])?))).await?;
    write_out(c, answer, output).await?;
    Ok(0)
}

/// `docker load`.
pub async fn load(c: &Context, m: &Matches) -> Outcome {
    let input = m.text("input");
    let source: Box<dyn Read + Send> = if input.is_empty() {
        if c.stdin_is_terminal() {
            return Err(Failure::new("requested load from stdin, but stdin is empty"));
        }
        Box::new(std::io::stdin())
    } else {
        Box::new(open(input)?)
    };
    let quiet = m.on("quiet") || !c.stdout_is_terminal();
    let mut request = Request::post("/images/load")
        .query("quiet", if quiet { "1" } else { "0" })
        .header("Content-Type", "application/x-tar")
        .body(Outgoing::Chunks(chunks(source)));
    for platform in m.all("platform") {
        request = request.query("platform", super::shared::platform_json(platform)?);
    }
    let mut answer = c.client()?.send(request).await?;
    if answer.text("content-type").starts_with("application/json") {
        Progress::new(c, false).run(answer, &mut |_| {}).await?;
    } else {
        while let Some(bytes) = answer.chunk().await? {
            c.print(&bytes);
        }
    }
    Ok(0)
}

/// `docker import FILE|URL|- [REPOSITORY[:TAG]]`.
pub async fn import(c: &Context, m: &Matches) -> Outcome {
    let source = m.args[0].as_str();
    let mut request = Request::post("/images/create").header("Content-Type", "text/plain");
    if !m.text("message").is_empty() {
        request = request.query("message", m.text("message"));
    }
    if let Some(name) = m.args.get(1).filter(|n| !n.is_empty()) {
        Reference::parse(name)?;
        request = request.query("repo", name.clone());
    }
    for change in m.all("change") {
        request = request.query("changes", change);
    }
    if let Some(platform) = m.get("platform").filter(|p| !p.is_empty()) {
        request = request.query("platform", platform.to_lowercase());
    }
    let request = if source == "-" {
        request.query("fromSrc", "-").body(Outgoing::Chunks(chunks(std::io::stdin())))
    } else if source.starts_with("http://") || source.starts_with("https://") {
        request.query("fromSrc", source)
    } else {
        request.query("fromSrc", "-").body(Outgoing::Chunks(chunks(open(source)?)))
    };
    let answer = c.client()?.send(request).await?;
    Progress::new(c, false).run(answer, &mut |_: &Json| {}).await?;
    Ok(0)
}
