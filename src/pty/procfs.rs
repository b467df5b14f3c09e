//! Which processes belong to a terminal session, read from `/proc`. Never signals one.

use std::fs;

/// The processes whose session is `leader`'s, and those which carry `tag` (`NAME=value`) in their first environment.
pub fn of_session(leader: i32, tag: &str) -> Vec<i32> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    let ours = std::process::id() as i32;
    entries
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok())
        .filter(|&pid| pid != ours && (session(pid) == Some(leader) || carries(pid, tag)))
        .collect()
}

/// Whether a process of `group` waits for bytes on its standard input. None where the kernel does not say.
pub fn reads_input(group: i32) -> Option<bool> {
    let mut said = None;
    for entry in fs::read_dir("/proc").ok()?.flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|n| n.parse::<i32>().ok()) else { continue };
        if field(pid, 2) != Some(group) {
            continue;
        }
        // The number of the system call it is in and its arguments; `running` while it is in none.
        let Ok(call) = fs::read_to_string(format!("/proc/{pid}/syscall")) else { continue };
        let mut words = call.split_whitespace();
        let number = words.next().and_then(|n| n.parse::<i64>().ok());
        if number == Some(libc::SYS_read) && words.next() == Some("0x0") {
            return Some(true);
        }
        said = Some(false);
    }
    said
}

fn session(pid: i32) -> Option<i32> {
    field(pid, 3)
}

/// A number of `/proc/PID/stat`, counted from the state, which is 0: 1 is the parent, 2 the group, 3 the session.
fn field(pid: i32, index: usize) -> Option<i32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // pid (comm) state ppid pgrp session …; comm may hold anything, so count from its last bracket.
    stat.rsplit_once(')')?.1.split_whitespace().nth(index)?.parse().ok()
}

fn carries(pid: i32, tag: &str) -> bool {
    fs::read(format!("/proc/{pid}/environ")).is_ok_and(|env| env.split(|&b| b == 0).any(|var| var == tag.as_bytes()))
}
