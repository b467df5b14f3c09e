//! `stty`: the size and the few modes of the terminal that scripts in lessons set.

use std::{io::stdin, process::ExitCode};

use rustix::termios::{LocalModes, OptionalActions, Winsize, tcgetattr, tcgetwinsize, tcsetattr, tcsetwinsize};

use super::applets::Args;

/// `stty [size | -a | sane | [-]echo | [-]icanon | [-]isig | rows N | cols N]…`.
pub fn main(args: Args) -> ExitCode {
    match run(args.into_iter().skip(1).map(|a| a.to_string_lossy().into_owned()).collect()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("stty: {message}");
            ExitCode::FAILURE
        }
    }
}

fn run(words: Vec<String>) -> Result<(), String> {
    let input = stdin();
    let fail = |error: rustix::io::Errno| match error {
        rustix::io::Errno::NOTTY => "standard input: Inappropriate ioctl for device".to_owned(),
        other => format!("standard input: {other}"),
    };
    let mut modes = tcgetattr(&input).map_err(fail)?;
    let size = tcgetwinsize(&input).map_err(fail)?;
    if words.is_empty() || words[0] == "-a" {
        println!("speed 38400 baud; rows {}; columns {};", size.ws_row, size.ws_col);
        let flag = |mode, name: &str| if modes.local_modes.contains(mode) { String::from(name) } else { format!("-{name}") };
        println!("{} {} {}", flag(LocalModes::ISIG, "isig"), flag(LocalModes::ICANON, "icanon"), flag(LocalModes::ECHO, "echo"));
        return Ok(());
    }
    let mut words = words.into_iter();
    while let Some(word) = words.next() {
        let local = |name: &str| match name {
            "echo" => Some(LocalModes::ECHO),
            "icanon" => Some(LocalModes::ICANON),
            "isig" => Some(LocalModes::ISIG),
            _ => None,
        };
        match word.as_str() {
            "size" => println!("{} {}", size.ws_row, size.ws_col),
            "sane" => modes.local_modes |= LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG,
            "raw" => modes.make_raw(),
            "rows" | "cols" | "columns" => {
                let value = words.next().and_then(|n| n.parse().ok()).ok_or(format!("missing argument to '{word}'"))?;
                let (ws_row, ws_col) = if word == "rows" { (value, size.ws_col) } else { (size.ws_row, value) };
                tcsetwinsize(&input, Winsize { ws_row, ws_col, ..size }).map_err(fail)?;
            }
            name => match (local(name), local(name.trim_start_matches('-'))) {
                (Some(mode), _) => modes.local_modes |= mode,
                (None, Some(mode)) => modes.local_modes -= mode,
                _ => return Err(format!("invalid argument '{word}'")),
            },
        }
    }
    tcsetattr(&input, OptionalActions::Now, &modes).map_err(fail)
}
