//! Processes by their names: `pidof` and `killall`.

use std::process::ExitCode;

use super::applets::Args;
use super::kill::signal_number;
use super::proc::{Process, processes};
use crate::{sys::signal, units::c_words};

/// `pidof [-s] [-o PID] NAME…`: the newest first. Fails when there is none.
pub fn pidof(args: Args) -> ExitCode {
    let (mut single, mut without, mut names) = (false, Vec::new(), Vec::new());
    let mut args = args.into_iter().skip(1).map(|arg| arg.to_string_lossy().into_owned());
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "-s" => single = true,
            "-o" => without.extend(args.next().and_then(|pid| pid.parse::<i32>().ok())),
            _ => names.push(arg),
        }
    }
    let mut found: Vec<i32> =
        processes().iter().filter(|p| names.iter().any(|name| is_called(p, name)) && !without.contains(&p.pid)).map(|p| p.pid).collect();
    found.reverse();
    found.truncate(if single { 1 } else { usize::MAX });
    if found.is_empty() {
        return ExitCode::FAILURE;
    }
    println!("{}", found.iter().map(i32::to_string).collect::<Vec<_>>().join(" "));
    ExitCode::SUCCESS
}

/// `killall [-SIG] [-q] NAME…`
pub fn killall(args: Args) -> ExitCode {
    let (mut number, mut quiet, mut names) = (15, false, Vec::new());
    let mut args = args.into_iter().skip(1).map(|arg| arg.to_string_lossy().into_owned());
    while let Some(arg) = args.next() {
        let wanted = match arg.as_str() {
            "-q" => {
                quiet = true;
                continue;
            }
            "-s" => args.next().unwrap_or_default(),
            other => match other.strip_prefix('-').filter(|text| !text.is_empty()) {
                Some(text) => text.to_owned(),
                None => {
                    names.push(arg);
                    continue;
                }
            },
        };
        match signal_number(&wanted) {
            Some(found) => number = found,
            None => {
                eprintln!("killall: bad signal name '{wanted}'");
                return ExitCode::FAILURE;
            }
        }
    }
    if names.is_empty() {
        eprintln!("killall: you need to specify whom to kill");
        return ExitCode::FAILURE;
    }
    let own = std::process::id().cast_signed();
    let mut code = ExitCode::SUCCESS;
    for name in names {
        let mut any = false;
        for process in processes().iter().filter(|p| p.pid > 0 && p.pid != own && is_called(p, &name)) {
            any = true;
            if let Err(error) = signal::kill(process.pid, number) {
                eprintln!("killall: can't kill pid {}: {}", process.pid, c_words(&error));
                code = ExitCode::FAILURE;
            }
        }
        if !any {
            if !quiet {
                eprintln!("killall: {name}: no process killed");
            }
            code = ExitCode::FAILURE;
        }
    }
    code
}

/// Whether a process goes by `name`: the kernel's short name, or the program's that it was called with.
fn is_called(process: &Process, name: &str) -> bool {
    let program = process.args.split(' ').next().unwrap_or_default();
    let called = program.rsplit('/').next().unwrap_or_default();
    process.state != 'Z' && (process.comm == name || called == name || program == name)
}
