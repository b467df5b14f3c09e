//! Reading commands from standard input: a person's at a terminal, with prompts, or a script's through a pipe.
//!
//! Input is taken no further than the command needs, since a command may want to read the rest itself.

use std::{
    io::{self, Write},
    sync::mpsc::{Receiver, Sender, channel},
};

use brush_core::{ExecutionControlFlow, SourceInfo, parser::ParseError, terminal::TerminalControl};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::{Shell, finish, jobs, run_text, signals};

/// Reads and runs commands until the input ends or the shell exits; gives the exit status.
pub async fn read_commands(shell: &mut Shell, interactive: bool) -> u8 {
    // Without a controlling terminal there are no jobs to control; then commands simply stay in the shell's group.
    let _terminal = if interactive { TerminalControl::acquire().ok() } else { None };
    let mut lines = Lines::new();
    let mut text = String::new();
    loop {
        if interactive {
            let _ = shell.check_for_completed_jobs();
            jobs::report(true).iter().for_each(|line| eprintln!("{line}"));
            prompt(shell, !text.is_empty()).await;
        }
        let line = loop {
            tokio::select! {
                line = lines.next() => break line,
                () = signals::interrupted(), if interactive => {
                    text.clear();
                    shell.set_last_exit_status(130);
                    eprintln!();
                    prompt(shell, false).await;
                }
            }
        };
        let ended = match line {
            Some(line) => {
                text.push_str(&line);
                false
            }
            None => true,
        };
        if text.trim().is_empty() && !ended {
            text.clear();
            continue;
        }
        if !ended && is_incomplete(shell, &text) {
            continue;
        }
        if !text.trim().is_empty() {
            let command = std::mem::take(&mut text);
            let params = shell.default_exec_params();
            let result = run_text(shell, command, &SourceInfo::from("main"), &params).await;
            let exits = match &result {
                Ok(result) => matches!(result.next_control_flow, ExecutionControlFlow::ExitShell),
                Err(_) => false,
            };
            if exits {
                // bash says so where a person reads along; ash does not.
                if interactive && !shell.options().posix_mode {
                    eprintln!("exit");
                }
                return finish(shell, result).await;
            }
            if let Err(error) = &result {
                let _ = shell.display_error(&mut io::stderr(), error);
            }
            signals::run_pending(shell).await;
            // The terminal has echoed `^C` and left the cursor behind it.
            if interactive && shell.last_exit_status() == 130 {
                eprintln!();
            }
        }
        if ended {
            if interactive {
                eprintln!("{}", if shell.options().posix_mode { "" } else { "exit" });
            }
            let status = shell.last_exit_status();
            return finish(shell, Ok(brush_core::ExecutionResult::new(status))).await;
        }
    }
}

/// Whether the command goes on in the next line.
fn is_incomplete(shell: &Shell, text: &str) -> bool {
    match shell.parse_string(text) {
        Err(ParseError::ParsingAtEndOfInput) => true,
        Err(ParseError::Tokenizing { inner, .. }) => inner.is_incomplete(),
        _ => text.ends_with("\\\n"),
    }
}

async fn prompt(shell: &mut Shell, continued: bool) {
    let text = if continued { shell.compose_continuation_prompt().await } else { shell.compose_prompt().await };
    let mut out = io::stderr();
    let _ = out.write_all(text.unwrap_or_default().as_bytes()).and_then(|()| out.flush());
}

/// Standard input, line by line, read on a thread of its own only when a line is asked for.
struct Lines {
    ask: Sender<()>,
    answers: UnboundedReceiver<Option<String>>,
    asked: bool,
}

impl Lines {
    fn new() -> Self {
        let (ask, asked): (Sender<()>, Receiver<()>) = channel();
        let (answer, answers) = unbounded_channel();
        std::thread::spawn(move || while asked.recv().is_ok() && answer.send(read_line()).is_ok() {});
        Self { ask, answers, asked: false }
    }

    /// The next line with its newline; `None` at the end. Cancelled, it goes on with the same line when called again.
    async fn next(&mut self) -> Option<String> {
        if !self.asked {
            self.ask.send(()).ok()?;
            self.asked = true;
        }
        let line = self.answers.recv().await.flatten();
        self.asked = false;
        line
    }
}

/// One line, byte by byte, so that nothing behind it is taken.
fn read_line() -> Option<String> {
    let mut line = vec![];
    let mut byte = [0];
    loop {
        match rustix::io::read(io::stdin(), &mut byte) {
            Ok(0) if line.is_empty() => return None,
            Ok(0) => break,
            Ok(_) => {
                line.push(byte[0]);
                if byte[0] == b'\n' {
                    break;
                }
            }
            Err(rustix::io::Errno::INTR) => {}
            Err(_) => return None,
        }
    }
    Some(String::from_utf8_lossy(&line).into_owned())
}
