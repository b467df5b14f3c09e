//! The stream of progress messages that pull, push, load and build send: plain lines, or layers that move on a terminal.

use std::fmt::Write as _;
use std::os::fd::AsFd;

use serde_json::Value as Json;

use super::client::Answer;
use super::context::Context;
use super::failure::Failure;
use super::{terminal, units};

/// Shows messages as they come. `T` is what takes the messages' own extra data.
pub struct Progress<'a> {
    context: &'a Context,
    /// The terminal's columns; `None` when there is no terminal.
    columns: Option<usize>,
    quiet: bool,
    lines: Vec<String>,
    buffer: Vec<u8>,
}

impl<'a> Progress<'a> {
    pub fn new(context: &'a Context, quiet: bool) -> Progress<'a> {
        let columns = context.stdout_is_terminal().then(|| terminal::size(std::io::stdout().as_fd()).map_or(200, |(_, c)| usize::from(c)));
        Progress { context, columns, quiet, lines: Vec::new(), buffer: Vec::new() }
    }

    /// Messages go to standard error as plain lines, as `run` has it for the image that it pulls.
    pub fn show(&mut self, bytes: &[u8], out: &dyn Fn(&str), aux: &mut dyn FnMut(&Json)) -> Result<(), Failure> {
        self.buffer.extend_from_slice(bytes);
        let buffer = std::mem::take(&mut self.buffer);
        let mut messages = serde_json::Deserializer::from_slice(&buffer).into_iter::<Json>();
        let mut used = 0;
        let mut result = Ok(());
        while let Some(next) = messages.next() {
            match next {
                Ok(message) => {
                    used = messages.byte_offset();
                    if let Some(extra) = message.get("aux").filter(|a| !a.is_null()) {
                        aux(extra);
                        continue;
                    }
                    match self.message(&message) {
                        Ok(text) if self.quiet => drop(text),
                        Ok(text) => out(&text),
                        Err(failure) => {
                            result = Err(failure);
                            break;
                        }
                    }
                }
                Err(e) if e.is_eof() => break,
                Err(e) => {
                    result = Err(Failure::new(format!("the engine sent something else than progress messages: {e}")));
                    break;
                }
            }
        }
        self.buffer = buffer[used..].to_vec();
        result
    }

    /// Shows a whole answer on standard output.
    pub async fn run(&mut self, mut answer: Answer, aux: &mut dyn FnMut(&Json)) -> Result<(), Failure> {
        let context = self.context;
        while let Some(bytes) = answer.chunk().await? {
            self.show(&bytes, &|text| context.print(text), aux)?;
        }
        self.finish()
    }

    /// The end of the messages; half a message is an error.
    pub fn finish(&self) -> Result<(), Failure> {
        if self.buffer.iter().all(u8::is_ascii_whitespace) { Ok(()) } else { Err(Failure::new("unexpected EOF")) }
    }

    /// Without a terminal, whatever standard output is.
    pub fn plain(mut self) -> Progress<'a> {
        self.columns = None;
        self
    }

    /// With the terminal of standard error.
    pub fn on_stderr(mut self) -> Progress<'a> {
        self.columns = terminal::size(std::io::stderr().as_fd()).map(|(_, c)| usize::from(c));
        self
    }

    /// The text of one message.
    fn message(&mut self, message: &Json) -> Result<String, Failure> {
        let text = |key: &str| message.get(key).and_then(Json::as_str).unwrap_or_default();
        let id = text("id");
        let detail = message.get("progressDetail").filter(|d| !d.is_null());
        let mut out = String::new();
        let mut rise = 0;
        let terminal = self.columns.is_some();
        if !id.is_empty() && (detail.is_some() || !text("progress").is_empty()) {
            let line = match self.lines.iter().position(|l| l == id) {
                Some(line) => line,
                None => {
                    self.lines.push(id.to_owned());
                    if terminal {
                        out.push('\n');
                    }
                    self.lines.len() - 1
                }
            };
            rise = self.lines.len() - line;
            if terminal {
                let _ = write!(out, "\x1b[{rise}A");
            }
        } else {
            self.lines.clear();
        }
        self.body(message, id, detail, &mut out)?;
        if !id.is_empty() && terminal && rise > 0 {
            let _ = write!(out, "\x1b[{rise}B");
        }
        Ok(out)
    }

    fn body(&self, message: &Json, id: &str, detail: Option<&Json>, out: &mut String) -> Result<(), Failure> {
        let text = |key: &str| message.get(key).and_then(Json::as_str).unwrap_or_default();
        if let Some(error) = message.get("errorDetail").filter(|e| !e.is_null()) {
            let code = error.get("code").and_then(Json::as_u64).unwrap_or(0);
            let said = error.get("message").and_then(Json::as_str).unwrap_or_else(|| text("error"));
            let mut failure = Failure::new(said);
            // A step of a build that fails ends the client with the step's own status.
            failure.status = u8::try_from(code).ok().filter(|c| *c != 0).unwrap_or(1);
            return Err(failure);
        }
        if !text("error").is_empty() {
            return Err(Failure::new(text("error")));
        }
        let bar = detail.map(|d| bar(d, self.columns.unwrap_or(0))).unwrap_or_default();
        let mut end = "";
        let stream = text("stream");
        if self.columns.is_some() && stream.is_empty() && detail.is_some() {
            out.push_str("\x1b[2K\r");
            end = "\r";
        } else if !bar.is_empty() {
            return Ok(());
        }
        if !id.is_empty() {
            let _ = write!(out, "{id}: ");
        }
        if !text("from").is_empty() {
            let _ = write!(out, "(from {}) ", text("from"));
        }
        let status = text("status");
        if detail.is_some() && self.columns.is_some() {
            let _ = write!(out, "{status} {bar}{end}");
        } else if !text("progress").is_empty() && detail.is_none() {
            let _ = write!(out, "{status} {}{end}", text("progress"));
        } else if !stream.is_empty() {
            let _ = write!(out, "{stream}{end}");
        } else {
            let _ = writeln!(out, "{status}{end}");
        }
        Ok(())
    }
}

/// How far a transfer is, with a bar where the terminal is wide.
fn bar(detail: &Json, columns: usize) -> String {
    let number = |key: &str| detail.get(key).and_then(Json::as_i64).unwrap_or(0);
    let (current, total) = (number("current"), number("total"));
    let unit = detail.get("units").and_then(Json::as_str).unwrap_or_default();
    if current <= 0 && total <= 0 {
        return String::new();
    }
    let size = |n: i64| units::human_size(n as f64, 4);
    if total <= 0 {
        return if unit.is_empty() { format!("{:>8}", size(current)) } else { format!("{current} {unit}") };
    }
    let half = ((current as f64 / total as f64 * 100.0) as usize / 2).min(50);
    let mut text = String::new();
    if columns > 110 {
        let _ = write!(text, "[{}>{}] ", "=".repeat(half), " ".repeat(50 - half));
    }
    if detail.get("hidecounts").and_then(Json::as_bool) != Some(true) {
        text.push_str(&match unit {
            "" if current > total => format!("{:>8}", size(current)),
            "" => format!("{:>8}/{}", size(current), size(total)),
            unit if current > total => format!("{current} {unit}"),
            unit => format!("{current}/{total} {unit}"),
        });
    }
    text
}
