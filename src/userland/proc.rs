//! What `/proc` and `/etc/passwd` tell of processes and users.
//!
//! Reads only; a process that ends while it is read is left out.

use std::{fs, os::unix::fs::MetadataExt, path::Path};

/// A process as `ps` shows it.
pub struct Process {
    /// Its id in this pid namespace.
    pub pid: i32,
    /// Its parent's id.
    pub ppid: i32,
    /// Its process group.
    pub pgid: i32,
    /// Its session.
    pub sid: i32,
    /// Its user's id.
    pub uid: u32,
    /// Its terminal's device number, 0 for none.
    pub tty: u64,
    /// State letter.
    pub state: char,
    /// Processor time in clock ticks.
    pub ticks: u64,
    /// When it began, in clock ticks after boot.
    pub start: u64,
    /// Virtual memory in KiB.
    pub vsz: u64,
    /// Resident memory in KiB.
    pub rss: u64,
    /// The kernel's short name.
    pub comm: String,
    /// The arguments, joined with blanks; `[comm]` when there are none.
    pub args: String,
}

/// Clock ticks a second: Linux's user interface has had 100 on every architecture for decades.
pub const TICKS: u64 = 100;

/// All processes that `/proc` shows, by pid.
pub fn processes() -> Vec<Process> {
    let mut all: Vec<Process> = fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter_map(process)
        .collect();
    all.sort_by_key(|p| p.pid);
    all
}

fn process(pid: i32) -> Option<Process> {
    let dir = Path::new("/proc").join(pid.to_string());
    let stat = fs::read_to_string(dir.join("stat")).ok()?;
    let (open, close) = (stat.find('(')?, stat.rfind(')')?);
    let comm = stat[open + 1..close].to_owned();
    let fields: Vec<&str> = stat[close + 1..].split_whitespace().collect();
    let number = |index: usize| fields.get(index).and_then(|f| f.parse::<i64>().ok()).unwrap_or(0);
    let args = fs::read(dir.join("cmdline")).unwrap_or_default();
    let args = String::from_utf8_lossy(&args).trim_end_matches('\0').replace('\0', " ");
    Some(Process {
        pid,
        ppid: number(1) as i32,
        pgid: number(2) as i32,
        sid: number(3) as i32,
        uid: fs::metadata(&dir).ok()?.uid(),
        tty: number(4) as u64,
        state: fields.first()?.chars().next()?,
        ticks: (number(11) + number(12)) as u64,
        start: number(19) as u64,
        vsz: number(20) as u64 / 1024,
        rss: number(21) as u64 * 4,
        args: if args.is_empty() { format!("[{comm}]") } else { args },
        comm,
    })
}

/// The name of user `uid` in `/etc/passwd`, else the number.
pub fn user_name(uid: u32) -> String {
    name_of("passwd", uid).unwrap_or_else(|| uid.to_string())
}

/// The number of the user called `name` in `/etc/passwd`.
pub fn user_id(name: &str) -> Option<u32> {
    id_of("/etc/passwd", name)
}

/// The number of the group called `name` in `/etc/group`.
pub fn group_id(name: &str) -> Option<u32> {
    id_of("/etc/group", name)
}

/// The name of a number in `/etc/passwd` or `/etc/group`.
pub fn name_of(file: &str, id: u32) -> Option<String> {
    let text = fs::read_to_string(format!("/etc/{file}")).ok()?;
    text.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)?.parse() == Ok(id)).then(|| name.to_owned())
    })
}

fn id_of(file: &str, name: &str) -> Option<u32> {
    let text = fs::read_to_string(file).ok()?;
    text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')?.split(':').nth(1)?.parse().ok())
}

/// Seconds since the machine started.
pub fn uptime() -> u64 {
    fs::read_to_string("/proc/uptime").ok().and_then(|t| t.split('.').next()?.parse().ok()).unwrap_or(0)
}
