//! `kill`: sends a signal to processes; also what the shell's own `kill` does once it knows the processes.

use std::process::ExitCode;

use super::applets::Args;
use crate::{sys::signal, units::c_words};

/// The real-time signals that programs may use.
const RTMIN: i32 = 34;
const RTMAX: i32 = 64;

/// The signals by number, as Linux counts them on the architectures we run on.
pub const SIGNALS: &[(&str, i32)] = &[
    ("HUP", 1),
    ("INT", 2),
    ("QUIT", 3),
    ("ILL", 4),
    ("TRAP", 5),
    ("ABRT", 6),
    ("BUS", 7),
    ("FPE", 8),
    ("KILL", 9),
    ("USR1", 10),
    ("SEGV", 11),
    ("USR2", 12),
    ("PIPE", 13),
    ("ALRM", 14),
    ("TERM", 15),
    ("STKFLT", 16),
    ("CHLD", 17),
    ("CONT", 18),
    ("STOP", 19),
    ("TSTP", 20),
    ("TTIN", 21),
    ("TTOU", 22),
    ("URG", 23),
    ("XCPU", 24),
    ("XFSZ", 25),
    ("VTALRM", 26),
    ("PROF", 27),
    ("WINCH", 28),
    ("POLL", 29),
    ("PWR", 30),
    ("SYS", 31),
];

/// A signal by name (with or without `SIG`, any case; `RTMIN+3`, `RTMAX-1`) or number.
pub fn signal_number(text: &str) -> Option<i32> {
    if let Ok(number) = text.parse() {
        return (0..=64).contains(&number).then_some(number);
    }
    let name = text.to_uppercase();
    let name = name.strip_prefix("SIG").unwrap_or(&name);
    SIGNALS.iter().find(|(n, _)| *n == name).map(|(_, number)| *number).or_else(|| signal::parse(name))
}

/// The name of a signal without its `SIG`; real-time ones are counted from the nearer end.
pub fn signal_name(number: i32) -> String {
    match number {
        RTMIN => "RTMIN".into(),
        RTMAX => "RTMAX".into(),
        35..=49 => format!("RTMIN+{}", number - RTMIN),
        50..=63 => format!("RTMAX-{}", RTMAX - number),
        _ => SIGNALS.iter().find(|(_, n)| *n == number).map_or_else(|| number.to_string(), |(name, _)| (*name).to_owned()),
    }
}

/// What a `kill` command line asks for.
pub enum Request {
    /// List the signals, or translate these.
    List(Vec<String>),
    /// Send this signal to these processes.
    Send(i32, Vec<String>),
}

/// Reads the words after `kill`.
pub fn parse(args: &[String]) -> Result<Request, String> {
    let signal = |text: &str| signal_number(text).ok_or_else(|| format!("{text}: invalid signal specification"));
    let (number, rest) = match args.first().map(String::as_str) {
        Some("-l" | "-L") => return Ok(Request::List(args[1..].to_vec())),
        Some("-s" | "-n") => (signal(args.get(1).ok_or("option requires an argument")?)?, &args[2..]),
        Some("--") => (15, &args[1..]),
        Some(option) if option.starts_with('-') && option.len() > 1 => (signal(&option[1..])?, &args[1..]),
        _ => (15, args),
    };
    let rest = if rest.first().is_some_and(|a| a == "--") { &rest[1..] } else { rest };
    if rest.is_empty() {
        return Err("usage: kill [-s SIGNAL | -SIGNAL] PID...".into());
    }
    Ok(Request::Send(number, rest.to_vec()))
}

/// The text that `kill -l` prints: BusyBox's list, or bash's table.
pub fn list(signals: &[String], bash: bool) -> String {
    if signals.is_empty() && bash {
        let all = (1..=31).chain(RTMIN..=RTMAX).map(|number| match number {
            29 => "29) SIGIO".to_owned(),
            _ => format!("{number:2}) SIG{}", signal_name(number)),
        });
        return all.enumerate().map(|(at, text)| format!("{text}{}", if at % 5 == 4 { "\n" } else { "\t" })).collect::<String>() + "\n";
    }
    if signals.is_empty() {
        return SIGNALS.iter().map(|(name, number)| format!("{number:2}) {name}\n")).collect();
    }
    signals
        .iter()
        .map(|text| match text.parse::<i32>() {
            Ok(number) => format!("{}\n", signal_name(if number > 128 { number - 128 } else { number })),
            Err(_) => format!("{}\n", signal_number(text).map_or_else(|| text.clone(), |n| n.to_string())),
        })
        .collect()
}

/// Sends signal `number` (0 only asks) to a process, to a group when the id is negative, to the caller's own group when it is 0.
pub fn send(number: i32, target: &str) -> Result<(), String> {
    let id: i32 = target.parse().map_err(|_| "arguments must be process or job IDs".to_owned())?;
    signal::kill(id, number).map_err(|error| match error.raw_os_error() {
        Some(libc::EINVAL) => "invalid signal".into(),
        _ => c_words(&error),
    })
}

/// `kill [-s SIGNAL | -SIGNAL] PID…`, `kill -l`.
pub fn main(args: Args) -> ExitCode {
    let args: Vec<String> = args.into_iter().skip(1).map(|a| a.to_string_lossy().into_owned()).collect();
    match parse(&args) {
        Err(message) => {
            eprintln!("kill: {message}");
            ExitCode::from(2)
        }
        Ok(Request::List(signals)) => {
            print!("{}", list(&signals, false));
            ExitCode::SUCCESS
        }
        Ok(Request::Send(signal, targets)) => {
            let mut failed = false;
            for target in targets {
                if let Err(message) = send(signal, &target) {
                    eprintln!("kill: ({target}) - {message}");
                    failed = true;
                }
            }
            ExitCode::from(u8::from(failed))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_asked_for_and_no_number_overflows() {
        let group = rustix::process::getpgrp().as_raw_nonzero();
        for there in ["0".to_owned(), format!("-{group}"), std::process::id().to_string()] {
            assert_eq!(send(0, &there), Ok(()), "{there}");
        }
        for nowhere in ["-2147483648", "-2147483647", "2147483647"] {
            assert_eq!(send(0, nowhere), Err("No such process".to_owned()), "{nowhere}");
        }
        assert_eq!(send(65, "0"), Err("invalid signal".to_owned()));
    }

    #[test]
    fn real_time_signals_have_names() {
        for (text, number, name) in
            [("RTMIN+3", 37, "RTMIN+3"), ("sigrtmax-1", 63, "RTMAX-1"), ("RTMIN", 34, "RTMIN"), ("50", 50, "RTMAX-14")]
        {
            assert_eq!((signal_number(text), signal_name(number).as_str()), (Some(number), name), "{text}");
        }
        assert_eq!((signal_number("RTMIN+99"), signal_number("65"), signal_number("NOPE")), (None, None, None));
    }
}
