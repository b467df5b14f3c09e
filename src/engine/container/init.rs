//! `--init`: a first process in a container that does nothing but reap the others and hand on signals. The binary itself, mounted into
//! the container under Docker's name for it.

use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};

use rustix::process::{Pid, WaitOptions, wait};

use crate::sys::process::{self, Fork};
use crate::sys::signal;

/// The name (`argv[0]`) under which the binary is an init.
pub const NAME: &str = "docker-init";
/// Where it is mounted.
pub(super) const PATH: &str = "/sbin/docker-init";

/// Runs `args` (`docker-init -- program arguments`) and ends with the program's status.
pub fn main(args: &[OsString]) -> ExitCode {
    let Some((program, rest)) =
        args.iter().skip(1).skip_while(|a| *a == "--").collect::<Vec<_>>().split_first().map(|(p, r)| (*p, r.to_vec()))
    else {
        return ExitCode::from(2);
    };
    // Blocked before the fork, so that no signal is lost between the two.
    signal::hold_all();
    match process::fork() {
        Ok(Fork::Child) => {
            let _ = rustix::process::setpgid(None, None);
            let _ = rustix::termios::tcsetpgrp(std::io::stdin(), rustix::process::getpgrp());
            signal::reset();
            let error = Command::new(program).args(rest).exec();
            let text = crate::units::go_words(&error);
            let _ = rustix::io::write(
                rustix::stdio::stderr(),
                format!("[FATAL] exec {} failed: {text}\n", program.to_string_lossy()).as_bytes(),
            );
            process::exit_now(if error.kind() == std::io::ErrorKind::NotFound { 127 } else { 126 })
        }
        Ok(Fork::Parent(child)) => stand_by(child),
        Err(_) => ExitCode::FAILURE,
    }
}

fn stand_by(child: Pid) -> ! {
    loop {
        match signal::next_held() {
            libc::SIGCHLD => {
                while let Ok(Some((pid, status))) = wait(WaitOptions::NOHANG) {
                    if pid == child {
                        let code = status.exit_status().or_else(|| status.terminating_signal().map(|s| 128 + s));
                        process::exit_now(code.unwrap_or(255));
                    }
                }
            }
            0 => {}
            other => {
                let _ = signal::send(child.as_raw_nonzero().get(), other);
            }
        }
    }
}
