//! Commands that run another one: `chroot` in another root, `setsid` in a session of its own, `timeout` for so long.

use std::ffi::OsString;
use std::io;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, chdir, chroot as change_root, getpgrp, getpid, kill_process, setsid as new_session};

use super::applets::Args;
use super::kill::signal_number;
use super::mount::words;
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

/// `timeout [-s SIG] [-k KILL_SECS] SECS PROG ARGS`; one that had to be ended gives 143, as BusyBox's does.
pub fn timeout(args: Args) -> ExitCode {
    const USAGE: &str = "timeout [-s SIG] [-k KILL_SECS] SECS PROG ARGS\n\nRun PROG. Send SIG to it if it is not gone in SECS seconds.\nDefault SIG: TERM. If it still exists in KILL_SECS seconds, send KILL.";
    let mut rest = args.into_iter().skip(1).peekable();
    let (mut signal, mut last) = (Signal::TERM, None);
    while let Some(option) = rest.next_if(|arg| arg == "-s" || arg == "-k") {
        let value = rest.next().unwrap_or_default().to_string_lossy().into_owned();
        if option == "-k" {
            last = Some(value);
            continue;
        }
        match signal_number(&value).and_then(Signal::from_named_raw) {
            Some(found) => signal = found,
            None => {
                eprintln!("timeout: unknown signal '{value}'");
                return ExitCode::FAILURE;
            }
        }
    }
    let (Some(limit), Some(program)) = (rest.next(), rest.next()) else { return usage(USAGE) };
    let limit = limit.to_string_lossy().into_owned();
    let Some(limit) = duration(&limit) else { return wrong_number("timeout", &limit) };
    let last = match last.map(|text| duration(&text).ok_or(text)).transpose() {
        Ok(last) => last,
        Err(text) => return wrong_number("timeout", &text),
    };
    let mut child = match Command::new(&program).args(rest).spawn() {
        Ok(child) => child,
        Err(error) => return refused("timeout", &program, &error),
    };
    let pid = Pid::from_child(&child);
    let begun = Instant::now();
    let (mut asked, mut killed) = (false, false);
    loop {
        match child.try_wait() {
            Ok(Some(status)) if asked || status.signal().is_some() => {
                return ExitCode::from(u8::try_from(128 + status.signal().unwrap_or(signal.as_raw())).unwrap_or(1));
            }
            Ok(Some(status)) => return ExitCode::from(u8::try_from(status.code().unwrap_or(1)).unwrap_or(1)),
            Ok(None) => {}
            Err(error) => return refused("timeout", &program, &error),
        }
        if !asked && begun.elapsed() >= limit {
            asked = true;
            let _ = kill_process(pid, signal);
        }
        if !killed && last.is_some_and(|last| begun.elapsed() >= limit + last) {
            killed = true;
            let _ = kill_process(pid, Signal::KILL);
        }
        std::thread::sleep(Duration::from_millis(5));
    }
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
    Duration::try_from_secs_f64(number.parse::<f64>().ok()? * seconds).ok()
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
