//! Users and groups by the image's own /etc/passwd and /etc/group. Never asks the machine's.

use std::path::Path;

/// Who a process is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    pub uid: u32,
    pub gid: u32,
    pub groups: Vec<u32>,
    pub home: String,
}

struct User<'a> {
    name: &'a str,
    uid: u32,
    gid: u32,
    home: &'a str,
}

struct Group<'a> {
    name: &'a str,
    gid: u32,
    members: Vec<&'a str>,
}

/// Docker's words for a number that no user and no group can have.
const OUT_OF_RANGE: &str = "uids and gids must be in range 0-2147483647";

/// Finds who `user` (`name|uid[:name|gid]`, empty for root) is, with further `groups`; `etc` holds the `passwd` and `group` files.
///
/// The error is Docker's text.
pub fn resolve(user: &str, groups: &[String], etc: &Path) -> Result<Identity, String> {
    let passwd = read(&etc.join("passwd"));
    let group = read(&etc.join("group"));
    resolve_in(user, groups, &passwd, &group)
}

fn read(path: &Path) -> String {
    std::fs::read(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
}

fn resolve_in(user: &str, extra: &[String], passwd: &str, group: &str) -> Result<Identity, String> {
    let (user_part, group_part) = user.split_once(':').unwrap_or((user, ""));
    let users: Vec<User> = passwd.lines().filter_map(parse_user).collect();
    let all_groups: Vec<Group> = group.lines().filter_map(parse_group).collect();
    let user_part = if user_part.is_empty() { "0" } else { user_part };
    let number = parse_id(user_part);
    // A name wins over a number, a number need not be in the file.
    let entry = users.iter().find(|u| u.name == user_part).or_else(|| users.iter().find(|u| Some(u.uid) == number));
    let (uid, mut gid, home, name) = match (entry, number) {
        (Some(u), _) => (u.uid, u.gid, u.home, Some(u.name)),
        (None, Some(uid)) => (uid, 0, "/", None),
        (None, None) if user_part.parse::<i64>().is_ok() => return Err(OUT_OF_RANGE.to_owned()),
        (None, None) => return Err(format!("unable to find user {user_part}: no matching entries in passwd file")),
    };
    let group_number = |text: &str| all_groups.iter().find(|g| g.name == text).map(|g| g.gid).or_else(|| parse_id(text));
    let mut groups = Vec::new();
    if group_part.is_empty() {
        // Those that name the user as a member; a group given by hand replaces them.
        if let Some(name) = name {
            groups.extend(all_groups.iter().filter(|g| g.members.contains(&name)).map(|g| g.gid));
        }
    } else {
        gid = group_number(group_part).ok_or_else(|| format!("unable to find group {group_part}: no matching entries in group file"))?;
    }
    for text in extra {
        groups.push(group_number(text).ok_or_else(|| format!("Unable to find group {text}: no matching entries in group file"))?);
    }
    let home = if home.is_empty() { "/" } else { home };
    Ok(Identity { uid, gid, groups, home: home.to_owned() })
}

fn parse_id(text: &str) -> Option<u32> {
    text.parse().ok().filter(|id| *id <= i32::MAX.cast_unsigned())
}

fn parse_user(line: &str) -> Option<User<'_>> {
    let fields: Vec<_> = line.trim().split(':').collect();
    Some(User {
        name: fields[0],
        uid: fields.get(2)?.parse().ok()?,
        gid: fields.get(3)?.parse().ok()?,
        home: fields.get(5).unwrap_or(&"/"),
    })
}

fn parse_group(line: &str) -> Option<Group<'_>> {
    let fields: Vec<_> = line.trim().split(':').collect();
    let members = fields.get(3).map(|m| m.split(',').filter(|m| !m.is_empty()).collect()).unwrap_or_default();
    Some(Group { name: fields[0], gid: fields.get(2)?.parse().ok()?, members })
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWD: &str = "root:x:0:0:root:/root:/bin/sh\npostgres:x:70:70::/var:/bin/sh\n12:x:500:500::/twelve:/bin/sh\n";
    const GROUP: &str = "root:x:0:\npostgres:x:70:\nwheel:x:10:root,postgres\n";

    fn of(user: &str) -> Result<Identity, String> {
        resolve_in(user, &[], PASSWD, GROUP)
    }

    #[test]
    fn users_are_found_by_name_and_number() {
        assert_eq!(of("").unwrap(), Identity { uid: 0, gid: 0, groups: vec![10], home: "/root".into() });
        assert_eq!(of("postgres").unwrap(), Identity { uid: 70, gid: 70, groups: vec![10], home: "/var".into() });
        assert_eq!(of("70").unwrap().home, "/var");
        assert_eq!(of("65534").unwrap(), Identity { uid: 65534, gid: 0, groups: vec![], home: "/".into() });
        assert_eq!(of("12").unwrap().uid, 500, "a name that is a number is a name");
        assert_eq!(of("postgres:wheel").unwrap().gid, 10);
        assert_eq!(of("1:2").unwrap().gid, 2);
    }

    #[test]
    fn unknown_names_are_said() {
        assert_eq!(of("2147483648").unwrap_err(), OUT_OF_RANGE);
        assert_eq!(of("-1").unwrap_err(), OUT_OF_RANGE);
        assert_eq!(of("nosuchuser").unwrap_err(), "unable to find user nosuchuser: no matching entries in passwd file");
        assert_eq!(of("root:nope").unwrap_err(), "unable to find group nope: no matching entries in group file");
        assert!(of("-1").is_err());
    }
}
