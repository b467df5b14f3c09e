//! `--init`: a first process that does nothing but reap the others and hand on signals.

use std::io;

use rustix::process::{Pid, WaitOptions, wait};

use crate::sys::process::{self, Fork};
use crate::sys::signal;

/// Forks: the child goes on to be the container's program, the caller stays as the first process and ends with the child's status.
pub fn stay_behind() -> io::Result<()> {
    // Blocked before the fork, so that no signal is lost between the two.
    signal::hold_all();
    match process::fork()? {
        Fork::Child => Ok(()),
        Fork::Parent(child) => {
            process::close_from(3);
            stand_by(child)
        }
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
