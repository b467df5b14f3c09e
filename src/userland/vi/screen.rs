//! What a screen shows of an editor.

use super::{
    editor::{Editor, Files, Mode},
    text::shown,
};

/// Columns that a line's number takes.
const NUMBER: usize = 8;

/// The screen of so many rows and columns, and where its cursor stands, as a terminal is told.
pub fn frame<F: Files>(editor: &mut Editor<F>, rows: usize, columns: usize) -> String {
    editor.height = rows.saturating_sub(1).max(1);
    editor.settle();
    let number = if editor.settings.number && columns > NUMBER + 2 { NUMBER } else { 0 };
    let room = (columns - number).max(1);
    let (row, column) = (editor.cursor.row, editor.cursor.column);
    let at = editor.screen_column(row, column);
    if at < room {
        editor.shift = 0;
    } else if at < editor.shift {
        editor.shift = at.saturating_sub(room / 2) / 8 * 8;
    } else if at >= editor.shift + room {
        editor.shift = at + 1 - room;
    }
    let mut out = String::from("\x1b[?25l\x1b[H");
    if rows > 1 {
        for row in editor.top..editor.top + editor.height {
            if row <= editor.text.last() {
                if number > 0 {
                    out += &format!("{:>6}  ", row + 1);
                }
                out += &cut(editor.text.line(row), editor.shift, room);
            } else {
                out.push('~');
            }
            out += "\x1b[K\r\n";
        }
    }
    let typed = matches!(editor.mode, Mode::Line(_));
    let status: Vec<char> = status(editor).chars().collect();
    // Of a line that is being typed the end is seen, of a message the beginning.
    let from = if typed { status.len().saturating_sub(columns.saturating_sub(1)) } else { 0 };
    let bottom = cut(&status[from..], 0, columns.saturating_sub(1));
    let is_loud = editor.message.is_some() && !typed;
    out += &if is_loud { format!("\x1b[7m{bottom}\x1b[m\x1b[K") } else { format!("{bottom}\x1b[K") };
    if !typed {
        out += &format!("\x1b[{};{}H", row - editor.top + 1, number + at - editor.shift + 1);
    }
    out + "\x1b[?25h"
}

/// The part of a line that lies in a window.
fn cut(line: &[char], from: usize, room: usize) -> String {
    let (mut out, mut at) = (String::new(), 0);
    for letter in line {
        for part in shown(*letter, at).chars() {
            if at >= from && at < from + room {
                out.push(part);
            }
            at += 1;
        }
        if at >= from + room {
            break;
        }
    }
    out
}

/// The line at the bottom.
fn status<F: Files>(editor: &Editor<F>) -> String {
    if let Mode::Line(mark) = editor.mode {
        return format!("{mark}{}", editor.line.iter().collect::<String>());
    }
    if let Some(message) = &editor.message {
        return message.clone();
    }
    let mode = match editor.mode {
        Mode::Insert => 'I',
        Mode::Replace => 'R',
        _ => '-',
    };
    let name = editor.name.as_ref().map_or_else(|| "No file".to_owned(), |name| name.display().to_string());
    let locked = if editor.is_read_only { " [Readonly]" } else { "" };
    let changed = if editor.is_modified() { " [Modified]" } else { "" };
    let (line, all) = (editor.cursor.row + 1, editor.text.lines.len());
    format!("{mode} {name}{locked}{changed} {line}/{all} {}%", line * 100 / all)
}
