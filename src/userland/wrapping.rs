//! Commands that run another one: `chroot` in another root, `setsid` in a session of its own, `timeout` for so long.

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{
    PidfdFlags, Signal, WaitOptions, chdir, chroot as change_root, getpgrp, getpid, pidfd_open, setsid as new_session, waitpid,
};
use rustix::stdio::{dup2_stderr, dup2_stdin, dup2_stdout};

use super::applets::Args;
use super::kill::{self, signal_number};
use super::mount::words;
use crate::sys::process::{self, Fork};
use crate::units::c_words;

/// `chroot NEWROOT [PROG ARGS]`; without a program the shell.
pub fn chroot(args: Args) -> ExitCode {
    let mut rest = args.into_iter().skip(1);
    let Some(root) = rest.next() else { return usage("chroot NEWROOT [PROG ARGS]\n\nRun PROG with root directory set to NEWROOT") };
    if let Err(error) = change_root(&root) {
        eprintln!("chroot: can't change root directory to '{}': {}", root.to_string_lossy(), words(error));
        return ExitCode::FAILURE;
    }
    if let Err(error) = chdir("/") {
        eprintln!("chroot: can't change directory to '/': {}", words(error));
        return ExitCode::FAILURE;
    }
    let mut program: Vec<OsString> = rest.collect();
    if program.is_empty() {
        let shell = std::env::var_os("SHELL").filter(|shell| !shell.is_empty()).unwrap_or_else(|| "/bin/sh".into());
        program = vec![shell, "-i".into()];
    }
    execute("chroot", &program)
}

/// `setsid PROG ARGS`
pub fn setsid(args: Args) -> ExitCode {
    let program: Vec<OsString> = args.into_iter().skip(1).skip_while(|arg| arg == "-c").collect();
    if program.is_empty() {
        return usage("setsid PROG ARGS\n\nRun PROG in a new session");
    }
    if getpgrp() == getpid() {
        // The first of a group cannot begin a session, but its child can.
        let mut child = Command::new("/proc/self/exe");
        return match child.arg0("setsid").args(&program).spawn() {
            Ok(_) => ExitCode::SUCCESS,
            Err(error) => refused("setsid", &program[0], &error),
        };
    }
    let _ = new_session();
    execute("setsid", &program)
}

const TIMEOUT: &str = "timeout [-s SIG] [-k KILL_SECS] SECS PROG ARGS\n\nRun PROG. Send SIG to it if it is not gone in SECS seconds.\nDefault SIG: TERM. If it still exists in KILL_SECS seconds, send KILL.";

/// `timeout [-s SIG] [-k KILL_SECS] SECS PROG ARGS`: becomes the program, as BusyBox's does, so that it has this process's number, parent,
/// signals and status. A grandchild keeps the time and sends the signal; the first process of a container, which the kernel keeps from
/// signals that it has no handler for, goes on all the same.
pub fn timeout(args: Args) -> ExitCode {
    let mut rest = args.into_iter().skip(1).peekable();
    let (mut signal, mut last) = (Signal::TERM.as_raw(), None);
    while let Some(option) = rest.next_if(|arg| arg.len() > 1 && arg.as_encoded_bytes().starts_with(b"-")) {
        let option = option.to_string_lossy().into_owned();
        if option == "--" {
            break;
        }
        let letter = option.chars().nth(1).unwrap_or_default();
        if !"sk".contains(letter) {
            eprintln!("timeout: invalid option -- '{letter}'");
            return usage(TIMEOUT);
        }
        let value = match &option[2..] {
            "" => rest.next().map(|value| value.to_string_lossy().into_owned()),
            glued => Some(glued.to_owned()),
        };
        let Some(value) = value else {
            eprintln!("timeout: option requires an argument -- '{letter}'");
            return usage(TIMEOUT);
        };
        match (letter, signal_number(&value)) {
            ('k', _) => match whole_seconds(&value) {
                Some(limit) => last = Some(limit),
                None => return wrong_number("timeout", &value),
            },
            (_, Some(number)) => signal = number,
            (_, None) => {
                eprintln!("timeout: unknown signal '{value}'");
                return ExitCode::FAILURE;
            }
        }
    }
    let Some(limit) = rest.next() else { return usage(TIMEOUT) };
    let limit = limit.to_string_lossy().into_owned();
    let Some(limit) = whole_seconds(&limit) else { return wrong_number("timeout", &limit) };
    let program: Vec<OsString> = rest.collect();
    if program.is_empty() {
        return usage(TIMEOUT);
    }
    if let Err(error) = watch_over(limit, signal, last) {
        eprintln!("timeout: {}", c_words(&error));
        return ExitCode::FAILURE;
    }
    execute("timeout", &program)
}

/// Leaves a process behind that sends `signal` to this one after `limit`, and `KILL` after `last` more.
fn watch_over(limit: Duration, signal: i32, last: Option<Duration>) -> io::Result<()> {
    let watched = getpid();
    // Tells at once when the process is gone, and does not take a later one of the same number for it.
    let alive = pidfd_open(watched, PidfdFlags::empty())?;
    match process::fork()? {
        Fork::Parent(child) => {
            let (_, status) = waitpid(Some(child), WaitOptions::empty())?.ok_or(io::ErrorKind::NotFound)?;
            if status.exit_status() == Some(0) { Ok(()) } else { Err(io::Error::other("can't fork")) }
        }
        Fork::Child => match process::fork() {
            Ok(Fork::Child) => {
                let _ = new_session();
                let _ = let_go();
                let gone = |limit: Duration| {
                    let limit = Timespec { tv_sec: i64::try_from(limit.as_secs()).unwrap_or(i64::MAX), tv_nsec: 0 };
                    !matches!(poll(&mut [PollFd::new(&alive, PollFlags::IN)], Some(&limit)), Ok(0))
                };
                for (limit, signal) in [(Some(limit), signal), (last, Signal::KILL.as_raw())] {
                    match limit {
                        Some(limit) if !gone(limit) => drop(kill::send(signal, &watched.as_raw_nonzero().to_string())),
                        _ => break,
                    }
                }
                process::exit_now(0)
            }
            // The grandchild is nobody's but the first process's.
            Ok(Fork::Parent(_)) => process::exit_now(0),
            Err(_) => process::exit_now(1),
        },
    }
}

/// Lets go of the streams: whoever reads the program's output waits for no one else.
fn let_go() -> io::Result<()> {
    let nothing = File::options().read(true).write(true).open("/dev/null").or_else(|_| File::open("/"))?;
    dup2_stdin(&nothing)?;
    dup2_stdout(&nothing)?;
    Ok(dup2_stderr(&nothing)?)
}

/// As long as BusyBox's waits: whole seconds, and one at least.
fn whole_seconds(text: &str) -> Option<Duration> {
    Some(Duration::from_secs(duration(text)?.as_secs().max(1)))
}

/// `usleep N`
pub fn usleep(args: Args) -> ExitCode {
    let Some(text) = args.get(1).map(|arg| arg.to_string_lossy().into_owned()) else {
        return usage("usleep N\n\nPause for N microseconds");
    };
    let Ok(microseconds) = text.parse() else { return wrong_number("usleep", &text) };
    std::thread::sleep(Duration::from_micros(microseconds));
    ExitCode::SUCCESS
}

/// Seconds with a fraction, or with `m`, `h` or `d` behind them.
fn duration(text: &str) -> Option<Duration> {
    let (number, unit) = match text.strip_suffix(['s', 'm', 'h', 'd']) {
        Some(number) => (number, text.chars().next_back()?),
        None => (text, 's'),
    };
    let seconds = match unit {
        'm' => 60.0,
        'h' => 3600.0,
        'd' => 86400.0,
        _ => 1.0,
    };
    // Nothing else that Rust takes for a number: no exponents, no `inf`.
    let plain = number.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    Duration::try_from_secs_f64(number.parse::<f64>().ok().filter(|_| plain)? * seconds).ok()
}

/// Becomes the program.
fn execute(applet: &str, program: &[OsString]) -> ExitCode {
    let error = Command::new(&program[0]).args(&program[1..]).exec();
    refused(applet, &program[0], &error)
}

fn refused(applet: &str, program: &OsString, error: &io::Error) -> ExitCode {
    eprintln!("{applet}: can't execute '{}': {}", program.to_string_lossy(), c_words(error));
    ExitCode::from(if error.kind() == io::ErrorKind::NotFound { 127 } else { 126 })
}

fn wrong_number(applet: &str, text: &str) -> ExitCode {
    eprintln!("{applet}: invalid number '{text}'");
    ExitCode::FAILURE
}

fn usage(text: &str) -> ExitCode {
    eprintln!("Usage: {text}");
    ExitCode::FAILURE
}
