//! `dockside engine stop`: ends the engine that answers on a socket. Its containers are processes of their own and go on, and the next
//! engine with the same state finds them.

use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use serde_json::Value;

use super::{StopArgs, absolute};
use crate::cli::output::say;
use crate::cli::{CliError, exit};
use crate::engine::default_socket;

/// How long an engine may take to answer.
const ANSWER: Duration = Duration::from_secs(5);
/// How long it may take to end, in seconds.
const END: i64 = 15;

pub fn run(args: StopArgs) -> Result<ExitCode, CliError> {
    let socket = absolute(args.socket.unwrap_or_else(default_socket))?;
    let engine = match UnixStream::connect(&socket) {
        Ok(engine) => engine,
        Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::ConnectionRefused) => {
            say(format_args!("dockside: no engine is running on {}", socket.display()))?;
            return Ok(ExitCode::from(exit::OK));
        }
        Err(e) => return Err(failed(&socket, &e.to_string())),
    };
    // The kernel says whose socket it is, in this machine's numbers; the descriptor stays with that process though the number be used again.
    let pid = rustix::net::sockopt::socket_peercred(&engine).map_err(|e| failed(&socket, &e.to_string()))?.pid;
    let process = pidfd_open(pid, PidfdFlags::empty()).map_err(|e| failed(&socket, &e.to_string()))?;
    // Whatever else may listen there is none of our business.
    let name = ask(engine, "/version").map(|version| version["Platform"]["Name"].as_str().unwrap_or_default().to_owned());
    match name {
        Ok(name) if name.starts_with("Dockside ") => {}
        Ok(_) => return Err(CliError::new(format!("what answers on {} is no engine of Dockside's; it is left alone", socket.display()))),
        Err(e) => return Err(failed(&socket, &e.to_string())),
    }
    let running = UnixStream::connect(&socket).and_then(|engine| ask(engine, "/info")).map_or(0, |info| count(&info["ContainersRunning"]));
    match pidfd_send_signal(&process, Signal::TERM) {
        // It was ending already.
        Ok(()) | Err(Errno::SRCH) => {}
        Err(e) => return Err(failed(&socket, &e.to_string())),
    }
    let limit = Timespec { tv_sec: END, tv_nsec: 0 };
    let ended = poll(&mut [PollFd::new(&process, PollFlags::IN)], Some(&limit)).map_err(|e| failed(&socket, &e.to_string()))?;
    if ended == 0 {
        let pid = pid.as_raw_nonzero();
        return Err(
            failed(&socket, &format!("process {pid} has not ended within {END} s")).hint(format!("End it for certain: kill -9 {pid}"))
        );
    }
    let going = match running {
        0 => String::new(),
        1 => "; its running container goes on".to_owned(),
        several => format!("; its {several} running containers go on"),
    };
    say(format_args!("dockside: the engine on {} has ended{going}", socket.display()))?;
    Ok(ExitCode::from(exit::OK))
}

fn failed(socket: &Path, why: &str) -> CliError {
    CliError::new(format!("cannot stop the engine on {}: {why}", socket.display()))
}

fn count(value: &Value) -> u64 {
    value.as_u64().unwrap_or_default()
}

/// What the API says at `path`.
fn ask(mut engine: UnixStream, path: &str) -> std::io::Result<Value> {
    engine.set_read_timeout(Some(ANSWER))?;
    // In this version of the protocol the answer ends with the connection and has no frames.
    write!(engine, "GET {path} HTTP/1.0\r\nHost: dockside\r\n\r\n")?;
    let mut answer = Vec::new();
    engine.take(1 << 20).read_to_end(&mut answer)?;
    let body = answer.windows(4).position(|end| end == b"\r\n\r\n").map_or(&[][..], |at| &answer[at + 4..]);
    serde_json::from_slice(body).map_err(|_| std::io::Error::other("its answer cannot be read"))
}
