//! The engine under measurement, as a process of its own.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Starts the engine with its files and its socket `s` in `dir`, and waits until it answers; none, with a word, where it does not.
pub fn serve(binary: &str, dir: &Path) -> Option<Child> {
    let mut command = Command::new(binary);
    command.args(["engine", "serve"]);
    for (flag, name) in [("--socket", "s"), ("--store", "store"), ("--state", "state")] {
        command.arg(flag).arg(dir.join(name));
    }
    let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().ok()?;
    let start = Instant::now();
    while std::os::unix::net::UnixStream::connect(dir.join("s")).is_err() {
        if start.elapsed() > Duration::from_secs(10) {
            println!("left out: the engine does not start");
            return None;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    Some(child)
}
