//! `ps`: the processes of the container, in BusyBox's columns where there is no bash, else in procps' ones.

use std::{collections::HashMap, path::Path, process::ExitCode};

use super::{
    applets::Args,
    proc::{Process, TICKS, processes, uptime, user_name},
};

/// The columns of a listing, as `(key, title)`.
type Columns = Vec<(String, String)>;

/// `ps [aux|-ef|-A] [-o COLUMN,…] [-p PID]`.
pub fn main(args: Args) -> ExitCode {
    let mut columns: Columns = vec![];
    let (mut every, mut full, mut user_format, mut pids) = (false, false, false, None::<Vec<i32>>);
    let mut args = args.into_iter().skip(1).map(|a| a.to_string_lossy().into_owned());
    let busybox = !Path::new("/bin/bash").exists();
    while let Some(arg) = args.next() {
        let letters = arg.trim_start_matches('-').to_owned();
        let dashed = arg.starts_with('-');
        if let Some(at) = letters.find(['o', 'p']).filter(|_| dashed || letters.starts_with(['o', 'p'])) {
            let list = match &letters[at + 1..] {
                "" => args.next().unwrap_or_default(),
                rest => rest.trim_start_matches('=').to_owned(),
            };
            every |= letters[..at].contains(['e', 'A']);
            if letters[at..].starts_with('p') {
                pids = Some(list.split([',', ' ']).filter_map(|p| p.parse().ok()).collect());
            } else {
                columns.extend(list.split([',', ' ']).filter(|c| !c.is_empty()).map(column));
            }
            continue;
        }
        every |= letters.contains(['e', 'A', 'a', 'x']);
        full |= dashed && letters.contains('f');
        user_format |= letters.contains('u');
        if letters.chars().any(|c| !"eAaxfuwlHTj".contains(c)) {
            eprintln!("ps: unknown option '{arg}'\nusage: ps [aux|-ef] [-o COLUMN,...] [-p PID,...]");
            return ExitCode::FAILURE;
        }
    }
    if columns.is_empty() {
        let keys = match (busybox, user_format, full) {
            (true, ..) => "pid,user,time_short,args",
            (_, true, _) => "user,pid,%cpu,%mem,vsz,rss,tty,stat,start,time_short,args",
            (.., true) => "uid,pid,ppid,c,stime,tty,time,cmd",
            _ => "pid,tty,time,comm",
        };
        columns = keys.split(',').map(column).collect();
    }
    let mut shown = processes();
    if let Some(pids) = &pids {
        shown.retain(|p| pids.contains(&p.pid));
    } else if !busybox && !every {
        let me = shown.iter().find(|p| p.pid == std::process::id() as i32).map(|p| (p.tty, p.uid));
        shown.retain(|p| me == Some((p.tty, p.uid)));
    }
    print(&columns, &shown, busybox);
    ExitCode::from(u8::from(shown.is_empty()))
}

/// A column by the name the user gave, `name=TITLE` included.
fn column(spec: &str) -> (String, String) {
    let (key, title) = spec.split_once('=').map_or((spec, None), |(k, t)| (k, Some(t.to_owned())));
    let title = title.unwrap_or_else(|| {
        match key {
            "time_short" => "TIME",
            "args" | "command" => "COMMAND",
            "comm" if spec == "comm" => "CMD",
            "tty" => "TTY",
            "start" => "START",
            other => return other.to_uppercase(),
        }
        .to_owned()
    });
    (key.to_owned(), title)
}

fn print(columns: &Columns, shown: &[Process], busybox: bool) {
    let mut names = HashMap::new();
    let mut rows: Vec<Vec<String>> = vec![columns.iter().map(|(_, title)| title.clone()).collect()];
    for process in shown {
        let user = names.entry(process.uid).or_insert_with(|| user_name(process.uid)).clone();
        rows.push(columns.iter().map(|(key, _)| cell(key, process, &user)).collect());
    }
    let widths: Vec<usize> = (0..columns.len()).map(|i| rows.iter().map(|r| r[i].chars().count()).max().unwrap_or(0)).collect();
    for (index, row) in rows.iter().enumerate() {
        let mut line = String::new();
        for (i, value) in row.iter().enumerate() {
            let key = columns[i].0.as_str();
            let numeric = matches!(key, "pid" | "ppid" | "pgid" | "sid" | "vsz" | "rss" | "%cpu" | "%mem" | "c");
            // BusyBox sets the titles of its numbers to the left of a column of five.
            let width = if busybox && numeric { widths[i].max(5) } else { widths[i].max(if numeric { 7.min(widths[i] + 3) } else { 4 }) };
            if i + 1 == row.len() {
                line.push_str(value);
            } else if numeric && !(busybox && index == 0) {
                line.push_str(&format!("{value:>width$} "));
            } else {
                let width = if key == "user" || key == "uid" || key == "tty" { width.max(8) } else { width };
                line.push_str(&format!("{value:<width$} "));
            }
        }
        println!("{}", line.trim_end());
    }
}

fn cell(key: &str, p: &Process, user: &str) -> String {
    let seconds = p.ticks / TICKS;
    match key {
        "pid" => p.pid.to_string(),
        "ppid" => p.ppid.to_string(),
        "pgid" => p.pgid.to_string(),
        "sid" => p.sid.to_string(),
        "user" | "uid" | "euser" | "ruser" => user.to_owned(),
        "time" => format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60),
        "time_short" => format!("{}:{:02}", seconds / 60, seconds % 60),
        "args" | "cmd" | "command" => p.args.clone(),
        "comm" | "ucmd" => p.comm.clone(),
        "stat" | "s" | "state" => p.state.to_string(),
        "vsz" => p.vsz.to_string(),
        "rss" => p.rss.to_string(),
        "%cpu" | "pcpu" => {
            let age = uptime().saturating_sub(p.start / TICKS).max(1);
            format!("{:.1}", seconds as f64 * 100.0 / age as f64)
        }
        "%mem" | "pmem" => "0.0".into(),
        "c" => "0".into(),
        "tty" | "tname" | "tt" => terminal(p.tty),
        "start" | "stime" | "start_time" => {
            let began = jiff::Timestamp::now().as_second() - uptime() as i64 + (p.start / TICKS) as i64;
            let began = jiff::Timestamp::from_second(began).unwrap_or_default().to_zoned(jiff::tz::TimeZone::system());
            began.strftime("%H:%M").to_string()
        }
        "etime" => {
            let age = uptime().saturating_sub(p.start / TICKS);
            format!("{:02}:{:02}", age / 60, age % 60)
        }
        _ => "-".into(),
    }
}

/// A terminal's name by its device number: `pts/N` for Unix98 ones.
fn terminal(device: u64) -> String {
    let (major, minor) = ((device >> 8) & 0xfff, (device & 0xff) | ((device >> 12) & 0xfff00));
    match major {
        0 => "?".into(),
        136..=143 => format!("pts/{}", (major - 136) * 256 + minor),
        4 => format!("tty{minor}"),
        5 => "console".into(),
        _ => "?".into(),
    }
}
