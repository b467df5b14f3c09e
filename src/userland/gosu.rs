//! `gosu`: becomes another user and runs a command as its own process: what an image's start uses to leave root behind.

use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};

use super::applets::Args;
use super::id::lines;
use crate::units::c_words;

/// `gosu USER[:GROUP] COMMAND …`: names or numbers.
pub fn main(args: Args) -> ExitCode {
    let [_, user, command, rest @ ..] = &args[..] else {
        eprintln!("Usage: gosu user-spec command [args]\n   eg: gosu redis redis-server\n       gosu nobody:root sh -c 'id'");
        return ExitCode::FAILURE;
    };
    let spec = user.to_string_lossy();
    let Some((uid, gid, home)) = ids(&spec) else {
        eprintln!("error: failed switching to {spec:?}: unable to find user {spec}: no matching entries in passwd file");
        return ExitCode::FAILURE;
    };
    let error = Command::new(command).args(rest).uid(uid).gid(gid).env("HOME", home).exec();
    eprintln!("error: {}: {}", command.to_string_lossy(), c_words(&error));
    // As a shell says it: what is not there, and what cannot be run.
    ExitCode::from(if error.kind() == std::io::ErrorKind::NotFound { 127 } else { 126 })
}

/// The numbers and the home of a user, and of the group where one is named.
fn ids(spec: &str) -> Option<(u32, u32, String)> {
    let (user, group) = spec.split_once(':').map_or((spec, None), |(user, group)| (user, Some(group)));
    let entry =
        |file: &str, name: &str| lines(file).into_iter().find(|fields| fields.len() > 2 && (fields[0] == name || fields[2] == name));
    let known = entry("passwd", user);
    let uid = known.as_ref().map_or(user, |fields| &fields[2]).parse().ok()?;
    let gid = match (group, &known) {
        (Some(group), _) => entry("group", group).map_or_else(|| group.to_owned(), |fields| fields[2].clone()).parse().ok()?,
        (None, Some(fields)) => fields.get(3)?.parse().ok()?,
        (None, None) => uid,
    };
    let home = known.and_then(|fields| fields.get(5).cloned()).filter(|home| !home.is_empty()).unwrap_or_else(|| "/".to_owned());
    Some((uid, gid, home))
}
