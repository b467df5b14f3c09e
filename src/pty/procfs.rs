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

fn session(pid: i32) -> Option<i32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // pid (comm) state ppid pgrp session …; comm may hold anything, so count from its last bracket.
    stat.rsplit_once(')')?.1.split_whitespace().nth(3)?.parse().ok()
}

fn carries(pid: i32, tag: &str) -> bool {
    fs::read(format!("/proc/{pid}/environ")).is_ok_and(|env| env.split(|&b| b == 0).any(|var| var == tag.as_bytes()))
}
