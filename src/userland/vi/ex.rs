//! The commands that are typed behind a colon.

use std::ffi::OsString;

use super::{
    editor::{Editor, Files},
    motion::{self, Reach, Spot},
    search::compile,
    text::{Line, Text},
};
use crate::units::c_words;

/// The lines that a command is about, the first and the last.
type Rows = Option<(usize, usize)>;

/// What a command says: lines, name, `!` and the rest.
struct Command<'a> {
    rows: Rows,
    name: &'a str,
    force: bool,
    rest: &'a str,
}

impl<F: Files> Editor<F> {
    pub fn ex(&mut self, line: &str) {
        if let Err(words) = self.run(line.trim_start_matches([':', ' ', '\t'])) {
            self.say(words);
        }
    }

    fn run(&mut self, line: &str) -> Result<(), String> {
        let (rows, rest) = self.rows(line)?;
        let rest = rest.trim_start();
        let length = rest.find(|letter: char| !letter.is_ascii_alphabetic()).unwrap_or(rest.len());
        let (mut name, mut tail) = rest.split_at(length);
        // `s` needs no letter behind it, so what follows may be anything; signs are names by themselves.
        if name.is_empty() && !rest.is_empty() {
            (name, tail) = rest.split_at(rest.chars().next().map_or(0, char::len_utf8));
        }
        let force = tail.starts_with('!');
        let command = Command { rows, name, force, rest: tail.strip_prefix('!').unwrap_or(tail) };
        let one = rows.map_or(self.cursor.row, |(_, last)| last);
        let argument = command.rest.trim();
        match name {
            "" => {
                if rows.is_some() {
                    self.marks.insert('\'', self.cursor);
                    self.cursor = Spot { row: one, column: motion::first(&self.text, one) };
                }
                Ok(())
            }
            "w" | "write" | "wq" | "wn" | "x" | "xit" => self.write(&command),
            "q" | "quit" => self.quit(force),
            "e" | "edit" => self.edit(argument, force),
            "n" | "next" => {
                if self.others.is_empty() {
                    return Err("No more files to edit".into());
                }
                self.check_saved(force)?;
                let next = self.others.remove(0);
                self.open(next);
                Ok(())
            }
            "r" | "read" => self.read(argument, one),
            "f" | "file" => {
                if !argument.is_empty() {
                    self.name = Some(argument.into());
                }
                let (name, lines) = (self.shown_name(), self.text.lines.len());
                self.say(format!("{name} {lines}L"));
                Ok(())
            }
            "d" | "delete" | "y" | "yank" | ">" | "<" => {
                let (first, last) = rows.unwrap_or((one, one));
                self.cursor = Spot { row: first, column: 0 };
                let operator = name.chars().next().unwrap_or('y');
                self.operate(operator, Reach::Lines(last), '"');
                Ok(())
            }
            "j" | "join" => {
                let (first, last) = rows.unwrap_or((one, one));
                self.cursor.row = first;
                self.join((last - first).max(1));
                Ok(())
            }
            "s" | "substitute" => self.substitute(&command),
            "=" => {
                let row = rows.map_or(self.text.last(), |(_, last)| last);
                self.say((row + 1).to_string());
                Ok(())
            }
            "set" | "se" => self.set(argument),
            "u" | "undo" => {
                self.go_back(false);
                Ok(())
            }
            "version" | "ve" => {
                self.say("Dockside's vi");
                Ok(())
            }
            _ => Err(format!("':{line}' is not implemented")),
        }
    }

    /// The lines that a command begins with, and what is behind them.
    fn rows<'a>(&mut self, line: &'a str) -> Result<(Rows, &'a str), String> {
        if let Some(rest) = line.strip_prefix('%') {
            return Ok((Some((0, self.text.last())), rest));
        }
        let (Some(first), rest) = self.address(line)? else { return Ok((None, line)) };
        let Some(rest) = rest.strip_prefix([',', ';']) else { return Ok((Some((first, first)), rest)) };
        let (last, rest) = self.address(rest)?;
        let last = last.unwrap_or(self.cursor.row);
        if last < first {
            return Err("Backwards range given".into());
        }
        Ok((Some((first, last)), rest))
    }

    fn address<'a>(&mut self, line: &'a str) -> Result<(Option<usize>, &'a str), String> {
        let mut letters = line.chars();
        let number = |text: &'a str| {
            let length = text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len());
            (text[..length].parse::<usize>().unwrap_or(usize::MAX >> 1), length)
        };
        let (base, mut rest) = match letters.next() {
            Some('.') => (Some(self.cursor.row), letters.as_str()),
            Some('$') => (Some(self.text.last()), letters.as_str()),
            Some('0'..='9') => {
                let (row, length) = number(line);
                (Some(row.saturating_sub(1)), &line[length..])
            }
            Some('\'') => {
                let name = letters.next().unwrap_or(' ');
                let spot = self.marks.get(&name).ok_or("Mark not set")?;
                (Some(spot.row), letters.as_str())
            }
            Some(mark @ ('/' | '?')) => {
                let body = letters.as_str();
                let end = body.find(mark).unwrap_or(body.len());
                let row = self.row_of(&body[..end], mark == '/').ok_or("Pattern not found")?;
                (Some(row), body.get(end + 1..).unwrap_or_default())
            }
            Some('+' | '-') => (Some(self.cursor.row), line),
            _ => (None, line),
        };
        let Some(mut row) = base else { return Ok((None, line)) };
        while let Some(sign) = rest.chars().next().filter(|sign| matches!(sign, '+' | '-')) {
            let (by, length) = number(&rest[1..]);
            let by = if length == 0 { 1 } else { by };
            row = if sign == '+' { row.saturating_add(by) } else { row.saturating_sub(by) };
            rest = &rest[1 + length..];
        }
        Ok((Some(row.min(self.text.last())), rest))
    }

    fn shown_name(&self) -> String {
        self.name.as_ref().map_or_else(|| "No file".to_owned(), |name| name.display().to_string())
    }

    fn check_saved(&self, force: bool) -> Result<(), String> {
        if !force && self.is_modified() {
            return Err("No write since last change (:q! overrides)".into());
        }
        Ok(())
    }

    fn quit(&mut self, force: bool) -> Result<(), String> {
        self.check_saved(force)?;
        if !force && !self.others.is_empty() {
            return Err(format!("{} more file(s) to edit", self.others.len()));
        }
        self.left = Some(0);
        Ok(())
    }

    fn write(&mut self, command: &Command) -> Result<(), String> {
        let argument = command.rest.trim();
        let (append, argument) = argument.strip_prefix(">>").map_or((false, argument), |name| (true, name.trim_start()));
        let leaves = matches!(command.name, "wq" | "x" | "xit");
        let name = if argument.is_empty() { self.name.clone() } else { Some(OsString::from(argument)) };
        if matches!(command.name, "x" | "xit") && !self.is_modified() && argument.is_empty() {
            return self.quit(command.force);
        }
        let Some(name) = name else { return Err("No current filename".into()) };
        let is_own = self.name.as_ref() == Some(&name);
        if self.is_read_only && is_own && !command.force {
            return Err(format!("'{}' is read only", name.display()));
        }
        let (first, last) = command.rows.unwrap_or((0, self.text.last()));
        let is_all = first == 0 && last == self.text.last();
        let bytes = self.text.bytes(first, last);
        if let Err(error) = self.files.write(&name, &bytes, append) {
            return Err(format!("'{}' {}", name.display(), c_words(&error)));
        }
        let lines = if bytes.is_empty() { 0 } else { last - first + 1 };
        self.say(format!("'{}' {lines}L, {}C", name.display(), bytes.len()));
        if self.name.is_none() {
            self.name = Some(name);
        }
        if is_all
            && !append
            && (is_own || argument.is_empty() || self.name.as_ref().is_some_and(|own| own.as_encoded_bytes() == argument.as_bytes()))
        {
            self.mark_saved();
        }
        if leaves {
            return self.quit(command.force);
        }
        Ok(())
    }

    fn edit(&mut self, argument: &str, force: bool) -> Result<(), String> {
        self.check_saved(force)?;
        let name = if argument.is_empty() { self.name.clone() } else { Some(OsString::from(argument)) };
        let Some(name) = name else { return Err("No current filename".into()) };
        self.is_read_only = false;
        self.open(name);
        Ok(())
    }

    fn read(&mut self, argument: &str, row: usize) -> Result<(), String> {
        let name = if argument.is_empty() { self.name.clone() } else { Some(OsString::from(argument)) };
        let Some(name) = name else { return Err("No current filename".into()) };
        let bytes = self.files.read(&name).map_err(|error| format!("'{}' {}", name.display(), c_words(&error)))?;
        self.say(format!("'{}' {}C", name.display(), bytes.len()));
        if bytes.is_empty() {
            return Ok(());
        }
        self.touch();
        self.text.insert(row + 1, Text::read(&bytes).lines);
        self.cursor = Spot { row: row + 1, column: 0 };
        Ok(())
    }

    fn set(&mut self, argument: &str) -> Result<(), String> {
        for word in argument.split_whitespace() {
            let (name, on) = word.strip_prefix("no").map_or((word, true), |name| (name, false));
            match name {
                "number" | "nu" => self.settings.number = on,
                "ignorecase" | "ic" => self.settings.any_case = on,
                "autoindent" | "ai" => self.settings.indent = on,
                _ => return Err(format!("bad option: {word}")),
            }
        }
        if argument.is_empty() {
            let shown = |on: bool, name: &str| format!("{}{name}", if on { "" } else { "no" });
            let settings = &self.settings;
            let words = [shown(settings.indent, "autoindent"), shown(settings.any_case, "ignorecase"), shown(settings.number, "number")];
            self.say(words.join(" "));
        }
        Ok(())
    }

    /// `s/PATTERN/BY/FLAGS`, with any sign for the slash.
    fn substitute(&mut self, command: &Command) -> Result<(), String> {
        let mut letters = command.rest.chars();
        let mark = letters.next().filter(|mark| !mark.is_alphanumeric() && *mark != ' ').ok_or("Usage: s/PATTERN/REPLACEMENT/")?;
        let mut parts = vec![String::new()];
        let mut quoted = false;
        for letter in letters {
            if letter == mark && !quoted && parts.len() < 3 {
                parts.push(String::new());
            } else if let Some(part) = parts.last_mut() {
                if letter == mark && quoted {
                    part.pop();
                }
                part.push(letter);
            }
            quoted = letter == '\\' && !quoted;
        }
        let (by, flags) = (parts.get(1).cloned().unwrap_or_default(), parts.get(2).cloned().unwrap_or_default());
        self.search.set(&parts[0], true);
        if self.search.pattern.is_empty() {
            return Err("No previous search".into());
        }
        let any_case = self.settings.any_case || flags.contains(['i', 'I']);
        let regex = compile(&self.search.pattern, any_case).ok_or_else(|| format!("bad search pattern '{}'", self.search.pattern))?;
        let (first, last) = command.rows.unwrap_or((self.cursor.row, self.cursor.row));
        let (mut count, mut lines, mut row, mut last) = (0, 0, first, last);
        while row <= last {
            let text: String = self.text.line(row).iter().collect();
            let limit = usize::from(!flags.contains('g'));
            let found = regex.captures_iter(&text).take(if limit == 1 { 1 } else { usize::MAX }).count();
            if found > 0 {
                self.touch();
                let changed = regex.replacen(&text, limit, |groups: &regex::Captures| filled(&by, groups));
                // `\n` in a replacement parts the line.
                let new: Vec<Line> = changed.split('\n').map(|line| Line::new(line.chars().collect())).collect();
                let more = new.len() - 1;
                self.text.lines.splice(row..=row, new);
                self.cursor = Spot { row: row + more, column: 0 };
                (count, lines, row, last) = (count + found, lines + 1, row + more, last + more);
            }
            row += 1;
        }
        if count == 0 {
            return Err("No match".into());
        }
        if lines > 1 {
            self.say(format!("{count} substitutions on {lines} lines"));
        }
        Ok(())
    }
}

/// A replacement with its groups: `&` and `\0` are the match, `\1` a group, `\n` a new line.
fn filled(by: &str, groups: &regex::Captures) -> String {
    let mut out = String::new();
    let mut letters = by.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '&' => out.push_str(groups.get(0).map_or("", |group| group.as_str())),
            '\\' => match letters.next() {
                Some(digit @ '0'..='9') => {
                    let at = digit.to_digit(10).map_or(0, |digit| digit as usize);
                    out.push_str(groups.get(at).map_or("", |group| group.as_str()));
                }
                Some('n' | 'r') => out.push('\n'),
                Some('t') => out.push('\t'),
                Some(other) => out.push(other),
                None => out.push('\\'),
            },
            letter => out.push(letter),
        }
    }
    out
}
