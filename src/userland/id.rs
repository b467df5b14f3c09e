//! `id` and `whoami`, as BusyBox prints them: a number that nobody has a name for stands alone.

use std::fs;
use std::process::ExitCode;

use rustix::process::{getegid, geteuid, getgid, getgroups, getuid};

use super::applets::Args;
use super::proc::name_of;

const USAGE: &str = "Usage: id [-ugGnr] [USER]\n\nPrint information about USER or the current user\n\n\t-u\tUser ID\n\t-g\tGroup ID\n\t-G\tSupplementary group IDs\n\t-n\tPrint names instead of numbers\n\t-r\tPrint real ID instead of effective ID";

/// Whose ids they are.
struct Ids {
    uid: u32,
    euid: u32,
    gid: u32,
    egid: u32,
    groups: Vec<u32>,
}

/// `id [-ugGnr] [USER]`
pub fn id(args: Args) -> ExitCode {
    let (mut wanted, mut names, mut real, mut user) = (Vec::new(), false, false, None);
    for arg in args.into_iter().skip(1).map(|arg| arg.to_string_lossy().into_owned()) {
        let Some(letters) = arg.strip_prefix('-').filter(|letters| !letters.is_empty()) else {
            user = Some(arg);
            continue;
        };
        for letter in letters.chars() {
            match letter {
                'u' | 'g' | 'G' => wanted.push(letter),
                'n' => names = true,
                'r' => real = true,
                other => {
                    eprintln!("id: invalid option -- '{other}'\n{USAGE}");
                    return ExitCode::FAILURE;
                }
            }
        }
    }
    wanted.dedup();
    if wanted.len() > 1 || (wanted.is_empty() && (names || real)) {
        eprintln!("{USAGE}");
        return ExitCode::FAILURE;
    }
    let ids = match &user {
        None => current(),
        Some(name) => match of_user(name) {
            Some(ids) => ids,
            None => {
                eprintln!("id: unknown user {name}");
                return ExitCode::FAILURE;
            }
        },
    };
    match wanted.first() {
        None => {
            println!("{}", full(&ids));
            ExitCode::SUCCESS
        }
        Some('u') => print(&[if real { ids.uid } else { ids.euid }], "passwd", names),
        Some('g') => print(&[if real { ids.gid } else { ids.egid }], "group", names),
        Some(_) => {
            let first = if real { ids.gid } else { ids.egid };
            let others = ids.groups.iter().copied().filter(|group| *group != first);
            print(&std::iter::once(first).chain(others).collect::<Vec<_>>(), "group", names)
        }
    }
}

/// `whoami`
pub fn whoami(_: Args) -> ExitCode {
    let uid = geteuid().as_raw();
    match name_of("passwd", uid) {
        Some(name) => {
            println!("{name}");
            ExitCode::SUCCESS
        }
        None => {
            eprintln!("whoami: unknown uid {uid}");
            ExitCode::FAILURE
        }
    }
}

/// Prints numbers or their names; one without a name is printed all the same, and complained of.
fn print(numbers: &[u32], file: &str, names: bool) -> ExitCode {
    let mut code = ExitCode::SUCCESS;
    let mut shown = Vec::new();
    for number in numbers {
        let name = if names { name_of(file, *number) } else { None };
        if names && name.is_none() {
            eprintln!("id: unknown ID {number}");
            code = ExitCode::FAILURE;
        }
        shown.push(name.unwrap_or_else(|| number.to_string()));
    }
    println!("{}", shown.join(" "));
    code
}

fn full(ids: &Ids) -> String {
    let named = |file: &str, number: u32| match name_of(file, number) {
        Some(name) => format!("{number}({name})"),
        None => number.to_string(),
    };
    let mut text = format!("uid={} gid={}", named("passwd", ids.uid), named("group", ids.gid));
    if ids.euid != ids.uid {
        text += &format!(" euid={}", named("passwd", ids.euid));
    }
    if ids.egid != ids.gid {
        text += &format!(" egid={}", named("group", ids.egid));
    }
    if !ids.groups.is_empty() {
        let groups: Vec<String> = ids.groups.iter().map(|group| named("group", *group)).collect();
        text += &format!(" groups={}", groups.join(","));
    }
    text
}

fn current() -> Ids {
    let groups = getgroups().unwrap_or_default().iter().map(|group| group.as_raw()).collect();
    Ids { uid: getuid().as_raw(), euid: geteuid().as_raw(), gid: getgid().as_raw(), egid: getegid().as_raw(), groups }
}

fn of_user(name: &str) -> Option<Ids> {
    let (uid, gid) = lines("passwd").iter().find_map(|fields| {
        let found = fields.first()? == name;
        found.then(|| Some((fields.get(2)?.parse().ok()?, fields.get(3)?.parse().ok()?)))?
    })?;
    let mut groups = vec![gid];
    for fields in lines("group") {
        let number = fields.get(2).and_then(|number| number.parse::<u32>().ok());
        let member = fields.get(3).is_some_and(|members| members.split(',').any(|member| member == name));
        groups.extend(number.filter(|number| member && *number != gid));
    }
    Some(Ids { uid, euid: uid, gid, egid: gid, groups })
}

pub(super) fn lines(file: &str) -> Vec<Vec<String>> {
    let text = fs::read_to_string(format!("/etc/{file}")).unwrap_or_default();
    text.lines().map(|line| line.split(':').map(str::to_owned).collect()).collect()
}
