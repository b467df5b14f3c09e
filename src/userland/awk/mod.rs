//! `awk`: POSIX's language, in BusyBox's words. The program is parsed into a tree and the tree is walked; nothing here knows of images.
//!
//! Texts are bytes. Where BusyBox departs from what all others do (octal numbers in data, matches of nothing), this does as the others.

mod array;
mod ast;
mod builtins;
mod expressions;
mod format;
mod input;
mod interp;
mod lexer;
mod parser;
mod record;
mod regex;
mod statements;
mod streams;
mod times;
mod value;

use std::{fs, io, os::unix::ffi::OsStrExt, os::unix::ffi::OsStringExt, process::ExitCode};

use self::{
    ast::Slot,
    interp::{Interp, Stop},
    value::{Text, Value},
};
use super::applets::Args;
use crate::units::c_words;

const USAGE: &str = "Usage: awk [OPTIONS] [AWK_PROGRAM] [FILE]...\n\n\t-v VAR=VAL\tSet variable\n\t-F SEP\t\tUse SEP as field separator\n\t-f FILE\t\tRead program from FILE\n\t-e AWK_PROGRAM";

/// Functions that call themselves take stack; what is not used of it costs nothing.
const STACK: usize = 1 << 30;

/// `awk [-F SEP] [-v VAR=VAL]… PROGRAM|-f FILE|-e PROGRAM [FILE|VAR=VAL]…`.
pub fn main(args: Args) -> ExitCode {
    let thread = std::thread::Builder::new().stack_size(STACK).spawn(move || awk(args));
    match thread.map(std::thread::JoinHandle::join) {
        Ok(Ok(status)) => ExitCode::from(status),
        Ok(Err(_)) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("awk: {}", c_words(&error));
            ExitCode::FAILURE
        }
    }
}

/// What the command line says.
#[derive(Default)]
struct Invocation {
    /// The program's texts, each with the name that its faults are told under.
    sources: Vec<(String, Vec<u8>)>,
    separator: Option<Vec<u8>>,
    assignments: Vec<Vec<u8>>,
    operands: Vec<Vec<u8>>,
}

fn usage(fault: Option<String>) -> u8 {
    if let Some(fault) = fault {
        eprintln!("awk: {fault}");
    }
    eprintln!("{USAGE}");
    1
}

fn read(args: Args) -> Result<Invocation, u8> {
    let mut invocation = Invocation::default();
    let mut args = args.into_iter().skip(1).map(OsStringExt::into_vec).peekable();
    while let Some(arg) = args.next_if(|arg| arg.starts_with(b"-") && arg.len() > 1) {
        if arg == b"--" {
            break;
        }
        if arg.starts_with(b"--") {
            return Err(usage(Some(format!("unrecognized option '{}'", String::from_utf8_lossy(&arg)))));
        }
        let letter = char::from(arg[1]);
        if !matches!(letter, 'F' | 'v' | 'f' | 'e') {
            return Err(usage(Some(format!("invalid option -- '{letter}'"))));
        }
        let value = if arg.len() > 2 { Some(arg[2..].to_vec()) } else { args.next() };
        let Some(value) = value else { return Err(usage(Some(format!("option requires an argument -- '{letter}'")))) };
        match letter {
            'F' => invocation.separator = Some(value),
            'v' => invocation.assignments.push(value),
            'e' => invocation.sources.push(("cmd. line".into(), value)),
            _ => {
                let name = String::from_utf8_lossy(&value).into_owned();
                let text = if value == b"-" {
                    io::read_to_string(io::stdin()).map(String::into_bytes)
                } else {
                    fs::read(std::ffi::OsStr::from_bytes(&value))
                };
                match text {
                    Ok(text) => invocation.sources.push((name, text)),
                    Err(error) => {
                        eprintln!("awk: can't open '{name}': {}", c_words(&error));
                        return Err(1);
                    }
                }
            }
        }
    }
    if invocation.sources.is_empty() {
        let Some(program) = args.next() else { return Err(usage(None)) };
        invocation.sources.push(("cmd. line".into(), program));
    }
    invocation.operands = args.collect();
    Ok(invocation)
}

fn awk(args: Args) -> u8 {
    let mut invocation = match read(args) {
        Ok(invocation) => invocation,
        Err(status) => return status,
    };
    let (names, texts): (Vec<String>, Vec<Vec<u8>>) = std::mem::take(&mut invocation.sources).into_iter().unzip();
    let (program, first_lines) = match parser::parse(&texts) {
        Ok(parsed) => parsed,
        Err((_, fault)) if fault.line == 0 => {
            eprintln!("awk: {}", fault.text);
            return 1;
        }
        Err((at, fault)) => {
            eprintln!("awk: {}:{}: {}", names[at], fault.line, fault.text);
            return 1;
        }
    };
    let mut interp = Interp::new(&program);
    let done = match prepare(&mut interp, &invocation) {
        Ok(true) => interp.run(),
        Ok(false) => return usage(None),
        Err(stop) => Err(stop),
    };
    let written = interp.streams.finish();
    match done {
        Err(Stop::Fatal(text)) => {
            let at = first_lines.iter().rposition(|first| *first < interp.line.max(1)).unwrap_or(0);
            eprintln!("awk: {}:{}: {text}", names[at], interp.line.max(1) - first_lines[at]);
            1
        }
        Err(Stop::Plain(text)) => {
            eprintln!("awk: {text}");
            1
        }
        _ if written.is_err() => {
            eprintln!("awk: write error");
            1
        }
        _ => interp.status,
    }
}

/// Gives the program its arguments, environment and assignments. False when one of these is none.
fn prepare(interp: &mut Interp, invocation: &Invocation) -> interp::Run<bool> {
    let environ = interp.array(Slot::Global(ast::ENVIRON));
    for (name, value) in std::env::vars_os() {
        *environ.borrow_mut().entry(&Text::from(name.as_bytes())) = Value::input(value.as_bytes());
    }
    let argv = interp.array(Slot::Global(ast::ARGV));
    let all = std::iter::once(&b"awk"[..]).chain(invocation.operands.iter().map(Vec::as_slice));
    for (at, argument) in all.enumerate() {
        *argv.borrow_mut().entry(&Text::from(at.to_string().into_bytes())) = Value::input(argument);
    }
    interp.set(Slot::Global(ast::ARGC), Value::Number(invocation.operands.len() as f64 + 1.0))?;
    if let Some(separator) = &invocation.separator {
        interp.set(Slot::Global(ast::FS), Value::Text(Text::from(lexer::unescape(separator, false))))?;
    }
    for assignment in &invocation.assignments {
        if !interp.assign(assignment)? {
            return Ok(false);
        }
    }
    Ok(true)
}
