//! `vi`: BusyBox's editor over a screen. [`editor`] takes keys and knows no terminal; [`terminal`] knows no text.

mod change;
mod command;
mod editor;
mod ex;
mod motion;
mod screen;
mod search;
mod terminal;
#[cfg(test)]
mod tests;
mod text;

use std::{
    ffi::OsString,
    fs::{self, OpenOptions},
    io::{self, Write},
    process::ExitCode,
    time::Duration,
};

use self::{
    editor::{Editor, Files, Key, Mode},
    terminal::Terminal,
};
use super::{applets::Args, options::Options};

const USAGE: &str = "Usage: vi [-c CMD] [-R] [-H] [FILE]...\n\nEdit FILE\n\n\t-c CMD\tInitial command to run ($EXINIT and ~/.exrc also available)\n\t-R\tRead-only\n\t-H\tList available features";

/// How long the size of the screen may be wrong.
const LOOK: Duration = Duration::from_millis(250);

/// The machine's files.
struct Disk;

impl Files for Disk {
    fn read(&mut self, name: &OsString) -> io::Result<Vec<u8>> {
        // What is no file may have no end.
        match fs::metadata(name)? {
            file if file.is_file() => fs::read(name),
            dir if dir.is_dir() => Err(io::ErrorKind::IsADirectory.into()),
            _ => Err(io::Error::other("not a regular file")),
        }
    }

    fn write(&mut self, name: &OsString, bytes: &[u8], append: bool) -> io::Result<()> {
        // In place: a file that is mounted alone must stay the file that it is. It is cut only once all is written, for the disk may be full.
        let mut file = OpenOptions::new().write(true).create(true).append(append).truncate(false).open(name)?;
        file.write_all(bytes)?;
        if append || !file.metadata()?.is_file() { Ok(()) } else { file.set_len(bytes.len() as u64) }
    }

    fn is_locked(&mut self, name: &OsString) -> bool {
        fs::metadata(name).is_ok() && rustix::fs::access(name, rustix::fs::Access::WRITE_OK).is_err()
    }
}

/// `vi [-c CMD] [-R] [-H] [FILE]…`.
pub fn main(args: Args) -> ExitCode {
    let options = match Options::read(args, "c:RH", &[], USAGE) {
        Ok(options) => options,
        Err(code) => return code,
    };
    if options.has('H') {
        println!(
            "These features are available:\n\tPattern searches with / and ?\n\tLast command repeat with .\n\tLine marking with 'x\n\tNamed buffers with \"x\n\tSubstitution with :s\n\tUndo with u and ^R\n\tAdapt to window re-sizes"
        );
        return ExitCode::SUCCESS;
    }
    let mut editor = Editor::new(Disk);
    let mut files = options.words.clone().into_iter();
    if let Some(first) = files.next() {
        editor.open(first);
        editor.others = files.collect();
    }
    editor.is_read_only |= options.has('R');
    let settings = std::env::var_os("EXINIT").or_else(|| {
        let home = std::env::var_os("HOME")?;
        fs::read(std::path::Path::new(&home).join(".exrc")).ok().map(|text| String::from_utf8_lossy(&text).into_owned().into())
    });
    let settings = settings.unwrap_or_default().to_string_lossy().into_owned();
    let commands = options.values('c').map(|command| command.to_string_lossy().into_owned());
    for command in settings.lines().map(str::to_owned).chain(commands).filter(|command| !command.trim().is_empty()) {
        editor.ex(&command);
        editor.keep();
    }
    ExitCode::from(run(&mut editor))
}

/// Shows and takes keys until the editor is left or there are no more.
fn run(editor: &mut Editor<Disk>) -> u8 {
    let mut terminal = Terminal::open();
    let mut size = terminal.size();
    while editor.left.is_none() {
        // What is typed ahead is taken before anything is drawn.
        if !terminal.waits(Duration::ZERO) {
            if terminal.show(&screen::frame(editor, size.0, size.1)).is_err() {
                return 1;
            }
            while !terminal.waits(LOOK) {
                let now = terminal.size();
                if now != size {
                    size = now;
                    if terminal.show(&format!("\x1b[2J{}", screen::frame(editor, size.0, size.1))).is_err() {
                        return 1;
                    }
                }
            }
        }
        match terminal.key() {
            None => {
                let _ = terminal.show(&format!("\x1b[{};1H\x1b[K\r\n", size.0));
                return 1;
            }
            Some(Key::Control('z')) if editor.mode == Mode::Command => {
                let _ = terminal.show(&format!("\x1b[{};1H\x1b[K\r\n", size.0));
                terminal.stop();
                size = terminal.size();
            }
            Some(Key::Control('l')) if editor.mode == Mode::Command => {
                size = terminal.size();
                let _ = terminal.show("\x1b[2J");
            }
            Some(key) => editor.key(key),
        }
    }
    let _ = terminal.show(&format!("\x1b[{};1H\x1b[K", size.0));
    editor.left.unwrap_or(0)
}
