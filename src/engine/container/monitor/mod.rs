//! The monitor: the small process beside each container that holds its streams, so that the container outlives the engine.
//!
//! It is one process with one thread, started by the engine from the same binary. It makes the container, writes its log, serves the
//! engine (and the next engine, should that one die) on a socket in the container's folder, runs further processes in the container in
//! children of its own, and leaves a record when the container has ended. It never touches the image store.

mod client;
mod log;
mod net;
mod proxy;
mod resolver;
mod session;
mod start;

use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::process::ExitCode;

use super::spec::{Reply, Request};
use client::Client;
use session::{Next, Session};

/// The name (`argv[0]`) under which the binary is a monitor.
pub const NAME: &str = "dockside-monitor";

/// The socket in a container's folder.
pub const SOCKET: &str = "monitor.sock";

pub use log::file_name as log_file_name;

/// Runs a monitor; its connection to the engine is its standard input.
pub fn main() -> ExitCode {
    let Ok(connection) = std::io::stdin().as_fd().try_clone_to_owned() else { return ExitCode::FAILURE };
    // The engine's terminal, signals to its group and its end are none of a container's business.
    let _ = rustix::process::setsid();
    let _ = rustix::process::chdir("/");
    if let Ok(null) = std::fs::File::open("/dev/null") {
        let _ = crate::sys::process::install(null.as_fd(), 0);
    }
    let mut client = Client::new(UnixStream::from(connection));
    let Ok(Some((Request::Start(spec), mut passed))) = client.first_request() else { return ExitCode::FAILURE };
    // What networks need comes last.
    let porter = spec.net.as_ref().filter(|net| net.porter).and_then(|_| passed.pop());
    let hub = spec.net.as_ref().and_then(|_| passed.pop());
    client.stdin = passed.pop();
    let mut next = Session::start(*spec, client, hub, porter);
    // A further process is a child of the monitor that goes on as a monitor of its own, for that process alone.
    loop {
        match next {
            Next::End => return ExitCode::SUCCESS,
            Next::Run(session) => next = session.run(),
            Next::Exec(order) => next = Session::exec(*order),
            Next::Refused(mut client, error) => {
                client.reply(&Reply::Failed { message: error.message, code: error.code });
                client.flush_all();
                return ExitCode::FAILURE;
            }
        }
    }
}
