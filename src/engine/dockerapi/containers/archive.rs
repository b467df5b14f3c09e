//! Files of a container: `archive` (cp both ways), `changes` (diff) and `export`.

use std::io::{self, Read, Write};
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::StreamExt;
use serde_json::json;
use tokio::sync::mpsc;

use super::{Query, flag};
use crate::Engine;
use crate::base64;
use crate::container::{Change, ContainerError, PathStat};
use crate::dockerapi::ApiError;
use crate::dockerapi::json::Json;

const STAT: &str = "x-docker-container-path-stat";

type Target = (State<Arc<Engine>>, Path<String>);

fn path(query: &Query) -> Result<String, ApiError> {
    match query.get("path").filter(|p| !p.is_empty()) {
        Some(path) => Ok(path.clone()),
        None => Err(ApiError::invalid("Bad parameter: path cannot be empty")),
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T, ContainerError> + Send + 'static) -> Result<T, ApiError> {
    Ok(tokio::task::spawn_blocking(work).await.map_err(|e| ApiError::internal(e.to_string()))??)
}

pub async fn head((State(engine), Path(id)): Target, query: Query) -> Result<Response, ApiError> {
    let (container, path) = (engine.containers.get(&id)?, path(&query)?);
    let stat = blocking(move || container.stat(&path, &id)).await?;
    Ok(([(STAT, stat_header(&stat)?)], ()).into_response())
}

pub async fn get((State(engine), Path(id)): Target, query: Query) -> Result<Response, ApiError> {
    let (container, path) = (engine.containers.get(&id)?, path(&query)?);
    let stat = {
        let (container, path, id) = (Arc::clone(&container), path.clone(), id.clone());
        blocking(move || container.stat(&path, &id)).await?
    };
    engine.containers.tell(&container, "archive-path", &[]);
    let mut response = tar_response(move |to| container.read_archive(&path, &id, to));
    response.headers_mut().insert(STAT, stat_header(&stat)?);
    Ok(response)
}

pub async fn put((State(engine), Path(id)): Target, query: Query, body: Body) -> Result<StatusCode, ApiError> {
    let (container, path) = (engine.containers.get(&id)?, path(&query)?);
    let keep_kinds = flag(&query, "noOverwriteDirNonDir");
    let target = Arc::clone(&container);
    let (sender, receiver) = mpsc::channel(8);
    let feed = async move {
        let mut body = body.into_data_stream();
        while let Some(Ok(piece)) = body.next().await {
            if sender.send(piece).await.is_err() {
                return;
            }
        }
    };
    let unpack = blocking(move || {
        let mut reader = ChannelReader { receiver, piece: Bytes::new() };
        let done = container.write_archive(&path, &id, keep_kinds, &mut reader);
        // The client sends to the end whatever became of it here.
        let _ = io::copy(&mut reader, &mut io::sink());
        done
    });
    let ((), done) = tokio::join!(feed, unpack);
    done?;
    engine.containers.tell(&target, "extract-to-dir", &[]);
    Ok(StatusCode::OK)
}

pub async fn export((State(engine), Path(id)): Target) -> Result<Response, ApiError> {
    let container = engine.containers.get(&id)?;
    engine.containers.tell(&container, "export", &[]);
    let mut response = tar_response(move |to| container.export(to));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    Ok(response)
}

pub async fn changes((State(engine), Path(id)): Target) -> Result<Response, ApiError> {
    let container = engine.containers.get(&id)?;
    let changes =
        blocking(move || container.changes().map_err(|e| ContainerError::failed("cannot compare the container with its image", e)));
    let kind = |change| match change {
        Change::Modified => 0,
        Change::Added => 1,
        Change::Deleted => 2,
    };
    let all: Vec<_> = changes.await?.into_iter().map(|(change, path)| json!({ "Path": path, "Kind": kind(change) })).collect();
    Ok(if all.is_empty() { Json(json!(null)).into_response() } else { Json(all).into_response() })
}

/// A body that `write` fills from a thread of its own. A failure in the middle breaks the body off.
fn tar_response(write: impl FnOnce(ChannelWriter) -> Result<(), ContainerError> + Send + 'static) -> Response {
    let (sender, receiver) = mpsc::channel(8);
    tokio::task::spawn_blocking(move || {
        if let Err(error) = write(ChannelWriter(sender.clone())) {
            let _ = sender.blocking_send(Err(io::Error::other(error)));
        }
    });
    let body = futures_util::stream::unfold(receiver, |mut receiver| async move { Some((receiver.recv().await?, receiver)) });
    ([(header::CONTENT_TYPE, "application/x-tar")], Body::from_stream(body)).into_response()
}

struct ChannelWriter(mpsc::Sender<io::Result<Bytes>>);

impl Write for ChannelWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.blocking_send(Ok(Bytes::copy_from_slice(bytes))).map_err(|_| io::ErrorKind::BrokenPipe)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct ChannelReader {
    receiver: mpsc::Receiver<Bytes>,
    piece: Bytes,
}

impl Read for ChannelReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.piece.is_empty() {
            match self.receiver.blocking_recv() {
                Some(piece) => self.piece = piece,
                None => return Ok(0),
            }
        }
        let count = buffer.len().min(self.piece.len());
        buffer[..count].copy_from_slice(&self.piece.split_to(count));
        Ok(count)
    }
}

/// The stat of a path as Docker's header: JSON in base64.
fn stat_header(stat: &PathStat) -> Result<HeaderValue, ApiError> {
    let text = json!({
        "name": stat.name,
        "size": stat.size,
        "mode": go_mode(stat.mode),
        "mtime": stat.modified.to_string(),
        "linkTarget": stat.link_target,
    });
    HeaderValue::from_str(&base64::encode(text.to_string().as_bytes())).map_err(|e| ApiError::internal(e.to_string()))
}

/// The mode in Go's bits.
fn go_mode(mode: u32) -> u32 {
    let kind = match mode & libc::S_IFMT {
        libc::S_IFDIR => 1 << 31,
        libc::S_IFLNK => 1 << 27,
        libc::S_IFBLK => 1 << 26,
        libc::S_IFIFO => 1 << 25,
        libc::S_IFSOCK => 1 << 24,
        libc::S_IFCHR => 1 << 26 | 1 << 21,
        _ => 0,
    };
    let special = [(libc::S_ISUID, 1 << 23), (libc::S_ISGID, 1 << 22), (libc::S_ISVTX, 1 << 20)];
    special.iter().filter(|(bit, _)| mode & bit != 0).fold(kind | mode & 0o777, |all, (_, go)| all | go)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_are_gos() {
        assert_eq!(go_mode(0o040_755), 1 << 31 | 0o755);
        assert_eq!(go_mode(0o100_644), 0o644);
        assert_eq!(go_mode(0o120_777), 1 << 27 | 0o777);
    }
}
