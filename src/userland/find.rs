//! `find`: walks trees and prints, removes or hands on what its expression selects.

use std::{
    fs,
    os::unix::fs::{FileTypeExt, MetadataExt},
    path::{Path, PathBuf},
    process::{Command, ExitCode},
    time::SystemTime,
};

use globset::{GlobBuilder, GlobMatcher};

use super::applets::Args;

/// A term of the expression.
enum Expr {
    Name(GlobMatcher),
    Path(GlobMatcher),
    Type(char),
    Size(std::cmp::Ordering, u64, u64),
    Age(std::cmp::Ordering, u64, u64),
    Newer(SystemTime),
    User(u32),
    Perm(u32),
    Empty,
    True,
    Prune,
    Print(char),
    Delete,
    Exec(Vec<String>, bool),
    Not(Box<Expr>),
    And(Box<Expr>, Box<Expr>),
    Or(Box<Expr>, Box<Expr>),
}

struct Walk {
    expr: Expr,
    max_depth: usize,
    min_depth: usize,
    depth_first: bool,
    one_device: bool,
    batch: Vec<String>,
    failed: bool,
}

/// `find [PATH]… [EXPRESSION]`.
pub fn main(args: Args) -> ExitCode {
    let words: Vec<String> = args.into_iter().skip(1).map(|a| a.to_string_lossy().into_owned()).collect();
    let split = words.iter().position(|w| w.starts_with('-') || w == "(" || w == "!").unwrap_or(words.len());
    let mut parser = Parser { words: &words[split..], at: 0, acts: false, walk: (usize::MAX, 0, false, false) };
    let expr = match parser.expression() {
        Ok(expr) => expr,
        Err(message) => {
            eprintln!("find: {message}");
            return ExitCode::FAILURE;
        }
    };
    let expr = if parser.acts { expr } else { Expr::And(Box::new(expr), Box::new(Expr::Print('\n'))) };
    let (max_depth, min_depth, depth_first, one_device) = parser.walk;
    let mut walk = Walk { expr, max_depth, min_depth, depth_first, one_device, batch: vec![], failed: false };
    let starts = if split == 0 { vec![".".to_owned()] } else { words[..split].to_vec() };
    for start in starts {
        let device = fs::symlink_metadata(&start).map(|m| m.dev()).unwrap_or(0);
        walk.visit(Path::new(&start), 0, device);
    }
    walk.run_batch();
    ExitCode::from(u8::from(walk.failed))
}

impl Walk {
    fn visit(&mut self, path: &Path, depth: usize, device: u64) {
        let meta = match fs::symlink_metadata(path) {
            Ok(meta) => meta,
            Err(error) => {
                self.failed = true;
                eprintln!("find: '{}': {}", path.display(), error.to_string().split(" (os").next().unwrap_or_default());
                return;
            }
        };
        let mut pruned = false;
        let expr = std::mem::replace(&mut self.expr, Expr::True);
        if !self.depth_first && depth >= self.min_depth {
            self.eval(&expr, path, &meta, &mut pruned);
        }
        self.expr = expr;
        if meta.is_dir() && depth < self.max_depth && !pruned && (!self.one_device || meta.dev() == device) {
            match fs::read_dir(path) {
                Ok(entries) => {
                    let mut inner: Vec<PathBuf> = entries.flatten().map(|e| path.join(e.file_name())).collect();
                    inner.sort();
                    for entry in inner {
                        self.visit(&entry, depth + 1, device);
                    }
                }
                Err(error) => {
                    self.failed = true;
                    eprintln!("find: '{}': {}", path.display(), error.to_string().split(" (os").next().unwrap_or_default());
                }
            }
        }
        if self.depth_first && depth >= self.min_depth {
            let expr = std::mem::replace(&mut self.expr, Expr::True);
            self.eval(&expr, path, &meta, &mut pruned);
            self.expr = expr;
        }
    }

    fn eval(&mut self, expr: &Expr, path: &Path, meta: &fs::Metadata, pruned: &mut bool) -> bool {
        match expr {
            Expr::And(a, b) => self.eval(a, path, meta, pruned) && self.eval(b, path, meta, pruned),
            Expr::Or(a, b) => self.eval(a, path, meta, pruned) || self.eval(b, path, meta, pruned),
            Expr::Not(a) => !self.eval(a, path, meta, pruned),
            Expr::Name(glob) => glob.is_match(path.file_name().map_or(path.as_os_str(), |n| n)),
            Expr::Path(glob) => glob.is_match(path),
            Expr::Type(kind) => {
                let t = meta.file_type();
                match kind {
                    'f' => t.is_file(),
                    'd' => t.is_dir(),
                    'l' => t.is_symlink(),
                    'p' => t.is_fifo(),
                    's' => t.is_socket(),
                    'c' => t.is_char_device(),
                    _ => t.is_block_device(),
                }
            }
            Expr::Size(order, unit, wanted) => meta.size().div_ceil(*unit).cmp(wanted) == *order,
            Expr::Age(order, unit, wanted) => {
                let age = meta.modified().ok().and_then(|t| SystemTime::now().duration_since(t).ok()).unwrap_or_default();
                (age.as_secs() / unit).cmp(wanted) == *order
            }
            Expr::Newer(than) => meta.modified().is_ok_and(|t| t > *than),
            Expr::User(uid) => meta.uid() == *uid,
            Expr::Perm(mode) => meta.mode() & 0o7777 == *mode,
            Expr::Empty if meta.is_dir() => fs::read_dir(path).is_ok_and(|mut d| d.next().is_none()),
            Expr::Empty => meta.is_file() && meta.size() == 0,
            Expr::True => true,
            Expr::Prune => {
                *pruned = true;
                true
            }
            Expr::Print(end) => {
                print!("{}{end}", path.display());
                true
            }
            Expr::Delete => {
                let result = if meta.is_dir() { fs::remove_dir(path) } else { fs::remove_file(path) };
                if let Err(error) = &result {
                    self.failed = true;
                    eprintln!("find: cannot delete '{}': {error}", path.display());
                }
                result.is_ok()
            }
            Expr::Exec(_, true) => {
                self.batch.push(path.display().to_string());
                true
            }
            Expr::Exec(command, false) => {
                let line: Vec<String> = command.iter().map(|word| word.replace("{}", &path.display().to_string())).collect();
                self.exec(&line)
            }
        }
    }

    fn exec(&mut self, line: &[String]) -> bool {
        match Command::new(&line[0]).args(&line[1..]).status() {
            Ok(status) => status.success(),
            Err(error) => {
                self.failed = true;
                eprintln!("find: '{}': {}", line[0], error.to_string().split(" (os").next().unwrap_or_default());
                false
            }
        }
    }

    fn run_batch(&mut self) {
        let Some(command) = batch_command(&self.expr) else { return };
        if !self.batch.is_empty() {
            let line: Vec<String> = command.iter().flat_map(|w| if w == "{}" { self.batch.clone() } else { vec![w.clone()] }).collect();
            self.failed |= !self.exec(&line);
        }
    }
}

fn batch_command(expr: &Expr) -> Option<Vec<String>> {
    match expr {
        Expr::And(a, b) | Expr::Or(a, b) => batch_command(a).or_else(|| batch_command(b)),
        Expr::Not(a) => batch_command(a),
        Expr::Exec(command, true) => Some(command.clone()),
        _ => None,
    }
}

struct Parser<'a> {
    words: &'a [String],
    at: usize,
    acts: bool,
    walk: (usize, usize, bool, bool),
}

impl Parser<'_> {
    fn expression(&mut self) -> Result<Expr, String> {
        if self.words.is_empty() {
            return Ok(Expr::True);
        }
        let expr = self.or()?;
        match self.words.get(self.at) {
            Some(word) => Err(format!("paths must precede expression: {word}")),
            None => Ok(expr),
        }
    }

    fn or(&mut self) -> Result<Expr, String> {
        let mut left = self.and()?;
        while self.take(&["-o", "-or"]) {
            left = Expr::Or(Box::new(left), Box::new(self.and()?));
        }
        Ok(left)
    }

    fn and(&mut self) -> Result<Expr, String> {
        let mut left = self.term()?;
        while self.words.get(self.at).is_some_and(|w| !matches!(w.as_str(), "-o" | "-or" | ")")) {
            self.take(&["-a", "-and"]);
            left = Expr::And(Box::new(left), Box::new(self.term()?));
        }
        Ok(left)
    }

    fn take(&mut self, words: &[&str]) -> bool {
        let found = self.words.get(self.at).is_some_and(|w| words.contains(&w.as_str()));
        self.at += usize::from(found);
        found
    }

    fn value(&mut self, of: &str) -> Result<String, String> {
        let word = self.words.get(self.at).cloned().ok_or(format!("missing argument to '{of}'"))?;
        self.at += 1;
        Ok(word)
    }

    fn term(&mut self) -> Result<Expr, String> {
        let word = self.value("expression")?;
        let glob = |text: &str, ignore| {
            GlobBuilder::new(text)
                .case_insensitive(ignore)
                .literal_separator(false)
                .build()
                .map(|g| g.compile_matcher())
                .map_err(|e| e.to_string())
        };
        Ok(match word.as_str() {
            "!" | "-not" => Expr::Not(Box::new(self.term()?)),
            "(" => {
                let inner = self.or()?;
                if !self.take(&[")"]) {
                    return Err("expected ')'".into());
                }
                inner
            }
            "-name" | "-iname" => Expr::Name(glob(&self.value(&word)?, word == "-iname")?),
            "-path" | "-wholename" | "-ipath" => Expr::Path(glob(&self.value(&word)?, word == "-ipath")?),
            "-type" => match self.value(&word)?.chars().next() {
                Some(kind) if "fdlpscb".contains(kind) => Expr::Type(kind),
                _ => return Err("unknown argument to -type".into()),
            },
            "-size" => {
                let text = self.value(&word)?;
                let unit = match text.chars().last() {
                    Some('c') => 1,
                    Some('k') => 1024,
                    Some('M') => 1 << 20,
                    Some('G') => 1 << 30,
                    _ => 512,
                };
                let (order, number) = comparison(text.trim_end_matches(char::is_alphabetic), &word)?;
                Expr::Size(order, unit, number)
            }
            "-mtime" | "-mmin" => {
                let (order, number) = comparison(&self.value(&word)?, &word)?;
                Expr::Age(order, if word == "-mmin" { 60 } else { 86400 }, number)
            }
            "-newer" => {
                let file = self.value(&word)?;
                Expr::Newer(fs::metadata(&file).and_then(|m| m.modified()).map_err(|e| format!("'{file}': {e}"))?)
            }
            "-user" => {
                let name = self.value(&word)?;
                Expr::User(
                    super::proc::user_id(&name).or_else(|| name.parse().ok()).ok_or(format!("'{name}' is not the name of a known user"))?,
                )
            }
            "-perm" => Expr::Perm(u32::from_str_radix(&self.value(&word)?, 8).map_err(|_| "invalid mode")?),
            "-empty" => Expr::Empty,
            "-true" => Expr::True,
            "-prune" => Expr::Prune,
            "-print" | "-print0" => {
                self.acts = true;
                Expr::Print(if word == "-print0" { '\0' } else { '\n' })
            }
            "-delete" => {
                self.acts = true;
                self.walk.2 = true;
                Expr::Delete
            }
            "-exec" => {
                self.acts = true;
                let mut command = vec![];
                loop {
                    let next = self.words.get(self.at).cloned().ok_or("missing argument to '-exec'")?;
                    self.at += 1;
                    let ends = next == ";" || (next == "+" && command.last().is_some_and(|w| w == "{}"));
                    if ends && command.is_empty() {
                        return Err("missing argument to '-exec'".into());
                    }
                    if ends {
                        return Ok(Expr::Exec(command, next == "+"));
                    }
                    command.push(next);
                }
            }
            "-maxdepth" => {
                self.walk.0 = self.value(&word)?.parse().map_err(|_| "-maxdepth needs a number")?;
                Expr::True
            }
            "-mindepth" => {
                self.walk.1 = self.value(&word)?.parse().map_err(|_| "-mindepth needs a number")?;
                Expr::True
            }
            "-depth" | "-d" => {
                self.walk.2 = true;
                Expr::True
            }
            "-xdev" | "-mount" => {
                self.walk.3 = true;
                Expr::True
            }
            _ => return Err(format!("unknown predicate '{word}'")),
        })
    }
}

/// `+N`, `-N`, `N`: more, fewer, exactly.
fn comparison(text: &str, of: &str) -> Result<(std::cmp::Ordering, u64), String> {
    let (order, digits) = match text.split_at_checked(1) {
        Some(("+", rest)) => (std::cmp::Ordering::Greater, rest),
        Some(("-", rest)) => (std::cmp::Ordering::Less, rest),
        _ => (std::cmp::Ordering::Equal, text),
    };
    digits.parse().map(|n| (order, n)).map_err(|_| format!("invalid argument '{text}' to '{of}'"))
}
