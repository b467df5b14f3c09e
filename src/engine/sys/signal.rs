//! Signals by name and number, and the state of signals that a fresh program expects.

use std::io;

/// The names of signals 1 to 31, without `SIG`.
const NAMES: [&str; 31] = [
    "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2", "PIPE", "ALRM", "TERM", "STKFLT", "CHLD",
    "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG", "XCPU", "XFSZ", "VTALRM", "PROF", "WINCH", "IO", "PWR", "SYS",
];

/// The highest real-time signal.
const LAST: i32 = 64;
/// The first real-time signal that the C library leaves to programs.
const RTMIN: i32 = 34;

/// The number of a signal given as a number, a name, or a name with `SIG`, in any case: `9`, `KILL`, `sigkill`, `RTMIN+1`.
pub fn parse(text: &str) -> Option<i32> {
    if let Ok(number) = text.parse::<i32>() {
        return (1..=LAST).contains(&number).then_some(number);
    }
    let upper = text.to_ascii_uppercase();
    let name = upper.strip_prefix("SIG").unwrap_or(&upper);
    if let Some(index) = NAMES.iter().position(|n| *n == name) {
        return i32::try_from(index).ok().map(|i| i + 1);
    }
    let offset = |rest: &str, sign: char| if rest.is_empty() { Some(0) } else { rest.strip_prefix(sign)?.parse::<i32>().ok() };
    let number = match name {
        "IOT" => 6,
        "CLD" => 17,
        "POLL" => 29,
        _ => match (name.strip_prefix("RTMIN"), name.strip_prefix("RTMAX")) {
            (Some(rest), _) => RTMIN + offset(rest, '+')?,
            (_, Some(rest)) => LAST - offset(rest, '-')?,
            _ => return None,
        },
    };
    (1..=LAST).contains(&number).then_some(number)
}

/// Sends a signal to a process.
pub fn send(pid: i32, signal: i32) -> io::Result<()> {
    if pid <= 1 {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    // SAFETY: `kill` has no preconditions.
    if unsafe { libc::kill(pid, signal) } < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// Sends a signal to whomever `kill` means by a number: a process, the group of a negative one, the caller's own group by 0. The signal 0
/// only asks.
pub fn kill(receiver: i32, signal: i32) -> io::Result<()> {
    // SAFETY: `kill` has no preconditions.
    if unsafe { libc::kill(receiver, signal) } < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// Sends a signal to every other process of the caller's pid namespace but its first; the number says nothing of who got it.
pub fn send_to_all(signal: i32) -> io::Result<()> {
    // SAFETY: `kill` has no preconditions.
    if unsafe { libc::kill(-1, signal) } < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// Gives the process the signal state that a program is started with: everything as by default, nothing blocked.
pub fn reset() {
    // SAFETY: a zeroed set is a valid argument for `sigemptyset`; default handlers run no code of ours.
    unsafe {
        for signal in 1..=LAST {
            if !matches!(signal, libc::SIGKILL | libc::SIGSTOP | 32 | 33) {
                libc::signal(signal, libc::SIG_DFL);
            }
        }
        let mut none: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&raw mut none);
        libc::sigprocmask(libc::SIG_SETMASK, &raw const none, std::ptr::null_mut());
    }
}

/// Blocks every signal that can be blocked: from here on they are taken by [`next_held`].
pub fn hold_all() {
    // SAFETY: a zeroed set is a valid argument for `sigfillset`.
    unsafe {
        let mut all: libc::sigset_t = std::mem::zeroed();
        libc::sigfillset(&raw mut all);
        libc::sigprocmask(libc::SIG_SETMASK, &raw const all, std::ptr::null_mut());
    }
}

/// Waits for a blocked signal and gives its number; 0 when the wait was disturbed.
pub fn next_held() -> i32 {
    // SAFETY: both arguments are valid for the call; no information about the signal is asked for.
    unsafe {
        let mut all: libc::sigset_t = std::mem::zeroed();
        libc::sigfillset(&raw mut all);
        libc::sigwaitinfo(&raw const all, std::ptr::null_mut()).max(0)
    }
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn signals_are_read_as_docker_reads_them() {
        assert_eq!(parse("KILL"), Some(9));
        assert_eq!(parse("sigterm"), Some(15));
        assert_eq!(parse("15"), Some(15));
        assert_eq!(parse("RTMIN+3"), Some(37));
        assert_eq!(parse("SIGRTMAX-1"), Some(63));
        for wrong in ["", "0", "65", "NOPE", "RTMIN+99", "SIG"] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }
}
