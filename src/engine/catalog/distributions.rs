//! BusyBox and the distributions: a tree, an `/etc/os-release`, a shell to start.

use serde_json::{Value, json};

use super::{
    Repository, data,
    image::{Content, Description, EVERYWHERE, Platform, Step},
    layer::Entry,
};

/// The repositories of this page.
pub fn repositories() -> Vec<Repository> {
    vec![alpine(), busybox(), centos(), debian_repository(), fedora(), ubuntu()]
}

/// A step that adds files, as the classic builder notes it.
pub fn add(hash: &str, content: Content) -> Step {
    Step { created_by: format!("/bin/sh -c #(nop) ADD file:{hash} in / "), content }
}

/// A step of metadata only, as the classic builder notes it.
pub fn nop(instruction: &str) -> Step {
    Step { created_by: format!("/bin/sh -c #(nop)  {instruction}"), content: Content::Nothing }
}

/// The userland's step: first in every image.
pub fn base() -> Step {
    add("1b9e5ad2c0b74d0e8ac7f5b6a1d2c3e4f5061728394a5b6c7d8e9f0a1b2c3d4e", Content::Userland)
}

fn shell_config(command: &str) -> Value {
    json!({ "Env": [data::PATH], "Cmd": [command] })
}

fn busybox() -> Repository {
    let image = Description {
        created: "2025-05-21T21:04:09Z",
        author: None,
        platforms: EVERYWHERE,
        config: shell_config("sh"),
        steps: vec![base(), nop("CMD [\"sh\"]")],
    };
    Repository { name: "library/busybox", images: vec![(&["latest", "1", "1.37", "stable", "musl", "glibc"], image)] }
}

/// Alpine's tree.
pub fn alpine_system(version: &str) -> Vec<Entry> {
    let minor = version.rsplit_once('.').map_or(version, |(minor, _)| minor);
    let release = format!(
        "NAME=\"Alpine Linux\"\nID=alpine\nVERSION_ID={version}\nPRETTY_NAME=\"Alpine Linux v{minor}\"\nHOME_URL=\"https://alpinelinux.org/\"\n"
    );
    let mut files =
        tree(&["lib", "media", "mnt", "opt", "run", "sbin", "srv", "usr/lib", "usr/local", "usr/local/bin", "var/cache", "var/opt"]);
    files.extend([
        file("etc/alpine-release", format!("{version}\n")),
        file("etc/os-release", release),
        file("etc/issue", "Welcome to the teaching image of Alpine Linux\nKernel \\r on an \\m (\\l)\n\n".into()),
        file("etc/motd", "Welcome aboard a very small system.\nWhat is not here is not needed for the lesson.\n".into()),
        file("etc/profile", format!("export {}\nexport PAGER=less\n", data::PATH)),
        file("etc/shells", "/bin/sh\n/bin/ash\n".into()),
        file("etc/passwd", data::ALPINE_PASSWD.into()),
        file("etc/group", data::ALPINE_GROUP.into()),
    ]);
    files
}

fn alpine() -> Repository {
    let image = |created, version: &str, hash: &str| {
        let files = alpine_system(version);
        Description {
            created,
            author: None,
            platforms: EVERYWHERE,
            config: json!({ "Env": [data::PATH], "Cmd": ["/bin/sh"], "WorkingDir": "/" }),
            steps: vec![base(), add(hash, Content::Files(files)), nop("CMD [\"/bin/sh\"]")],
        }
    };
    Repository {
        name: "library/alpine",
        images: vec![
            (
                &["latest", "3", "3.22", "3.22.0"],
                image("2025-05-30T12:19:41Z", "3.22.0", "5ed4b1a3c2f6e7d80912a3b4c5d6e7f8091a2b3c4d5e6f708192a3b4c5d6e7f8"),
            ),
            (
                &["3.21", "3.21.3"],
                image("2025-02-14T03:28:36Z", "3.21.3", "0a2b4c6d8e0f1a3b5c7d9e1f2a4b6c8d0e2f4a6b8c0d2e4f6a8b0c2d4e6f8a0b"),
            ),
            (
                &["3.10", "3.10.9"],
                image("2021-04-14T19:19:39Z", "3.10.9", "3c9d5a7e1b2f4806c8e0a2d4f6b8193a5c7e9f0b1d3a5c7e9f1b3d5a7c9e0f2b"),
            ),
        ],
    }
}

/// What distinguishes one distribution of the Debian kind from another.
struct Release {
    created: &'static str,
    platforms: &'static [Platform],
    command: &'static str,
    hash: &'static str,
    os_release: String,
    version_file: Option<(&'static str, String)>,
    prompt: &'static str,
}

fn debian_like(release: Release) -> Description {
    let mut files = distribution_tree();
    files.push(file("etc/bash.bashrc", format!("[ -z \"$PS1\" ] && return\nPS1='{}'\n", release.prompt)));
    files.push(file("etc/os-release", release.os_release));
    if let Some((path, text)) = release.version_file {
        files.push(file(path, text));
    }
    files.push(file("root/.profile", "# Read by login shells.\nexport HOME PATH\n".into()));
    Description {
        created: release.created,
        author: None,
        platforms: release.platforms,
        config: shell_config(release.command),
        steps: vec![base(), add(release.hash, Content::Files(files)), nop(&format!("CMD [\"{}\"]", release.command))],
    }
}

fn debian_repository() -> Repository {
    let image = |created, platforms, version: &str, minor: &str, name: &str, hash, command| {
        debian_like(Release {
            created,
            platforms,
            command,
            hash,
            os_release: format!(
                "PRETTY_NAME=\"Debian GNU/Linux {version} ({name})\"\nNAME=\"Debian GNU/Linux\"\nVERSION_ID=\"{version}\"\n\
                 VERSION=\"{version} ({name})\"\nVERSION_CODENAME={name}\nID=debian\nHOME_URL=\"https://www.debian.org/\"\n"
            ),
            version_file: Some(("etc/debian_version", format!("{minor}\n"))),
            prompt: r"${debian_chroot:+($debian_chroot)}\u@\h:\w\$ ",
        })
    };
    Repository {
        name: "library/debian",
        images: vec![
            (
                &["latest", "12", "bookworm", "stable"],
                image(
                    "2025-05-29T00:00:00Z",
                    EVERYWHERE,
                    "12",
                    "12.11",
                    "bookworm",
                    "8f4d2b6a0c9e7f5d3b1a8c6e4f2d0b9a7c5e3f1d8b6a4c2e0f9d7b5a3c1e8f6d",
                    "bash",
                ),
            ),
            (
                &["jessie", "8"],
                image(
                    "2021-03-30T21:38:33Z",
                    &[],
                    "8",
                    "8.11",
                    "jessie",
                    "b37d2a9c4e6f80a1c3e5f7092b4d6f8a0c2e4f6081a3c5e7f9b1d3f5a7092b4d",
                    "bash",
                ),
            ),
            (
                &["bullseye", "11"],
                image(
                    "2025-05-28T00:00:00Z",
                    EVERYWHERE,
                    "11",
                    "11.11",
                    "bullseye",
                    "2d4f6a8c0e1b3d5f7a9c1e2b4d6f8a0c3e5b7d9f1a2c4e6b8d0f3a5c7e9b1d2f",
                    "bash",
                ),
            ),
        ],
    }
}

/// A tag (number and code name), when it was made, and the hash its step shows.
type UbuntuRelease = (&'static [&'static str], &'static str, &'static str);

/// Ubuntu as it stood in 2014, when `latest` was 12.04 and every release had two names; and a few later ones.
fn ubuntu() -> Repository {
    const OLD: &[UbuntuRelease] = &[
        (&["13.10", "saucy"], "2025-06-02T14:43:28Z", "ba3b051a0c7f4c5e9d8b7a6f5e4d3c2b1a0f9e8d7c6b5a4f3e2d1c0b9a8f7e6d"),
        (&["13.04", "raring"], "2025-06-02T14:39:20Z", "c6ba2b4a7d9e0f1a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d5e6f708192"),
        (&["12.10", "quantal"], "2025-06-02T14:34:40Z", "d4c5b6a7980f1e2d3c4b5a69788796a5b4c3d2e1f0a9b8c7d6e5f4031221304f"),
        (&["10.04", "lucid"], "2025-06-02T14:30:21Z", "e5d4c3b2a1908f7e6d5c4b3a29180716f5e4d3c2b1a09f8e7d6c5b4a39281706"),
        (&["12.04", "latest", "precise"], "2025-06-02T14:26:06Z", "f6e5d4c3b2a19080706f5e4d3c2b1a09e8d7c6b5a4f3e2d1c0b9a8978685a4b3"),
    ];
    const NEW: &[UbuntuRelease] = &[
        (&["14.04", "trusty"], "2021-03-25T22:32:06Z", "1a2c3e4f5061728394a5b6c7d8e9f0a1b2c3d4e5f60718293a4b5c6d7e8f9012"),
        (&["16.04", "xenial"], "2021-08-31T01:21:30Z", "2b3d4f5061728394a5b6c7d8e9f0a1b2c3d4e5f60718293a4b5c6d7e8f901223"),
        (&["22.04", "jammy"], "2025-05-29T09:12:18Z", "3c4e5f6071829a3b4c5d6e7f8091a2b3c4d5e6f708192a3b4c5d6e7f80912345"),
        (&["24.04", "noble"], "2025-05-29T09:16:53Z", "4d5f60718293a4b5c6d7e8f9012a3b4c5d6e7f8091a2b3c4d5e6f708192a3456"),
    ];
    let names = [
        ("10.04", "Lucid Lynx"),
        ("12.04", "Precise Pangolin"),
        ("12.10", "Quantal Quetzal"),
        ("13.04", "Raring Ringtail"),
        ("13.10", "Saucy Salamander"),
        ("14.04", "Trusty Tahr"),
        ("16.04", "Xenial Xerus"),
        ("22.04", "Jammy Jellyfish"),
        ("24.04", "Noble Numbat"),
    ];
    let image = |(tags, created, hash): &UbuntuRelease, platforms| {
        let version = tags[0];
        let name = names.iter().find(|(v, _)| *v == version).map_or("", |(_, name)| name);
        debian_like(Release {
            created,
            platforms,
            command: "/bin/bash",
            hash,
            os_release: format!(
                "NAME=\"Ubuntu\"\nVERSION=\"{version} ({name})\"\nID=ubuntu\nID_LIKE=debian\nPRETTY_NAME=\"Ubuntu {version}\"\n\
                 VERSION_ID=\"{version}\"\nHOME_URL=\"https://www.ubuntu.com/\"\n"
            ),
            version_file: Some((
                "etc/lsb-release",
                format!("DISTRIB_ID=Ubuntu\nDISTRIB_RELEASE={version}\nDISTRIB_DESCRIPTION=\"Ubuntu {version}\"\n"),
            )),
            prompt: r"${debian_chroot:+($debian_chroot)}\u@\h:\w\$ ",
        })
    };
    let old = OLD.iter().map(|release| (release.0, image(release, &[][..])));
    let new = NEW.iter().map(|release| (release.0, image(release, EVERYWHERE)));
    Repository { name: "library/ubuntu", images: old.chain(new).collect() }
}

fn red_hat_like(
    created: &'static str,
    platforms: &'static [Platform],
    hash: &str,
    name: &str,
    pretty: &str,
    id: &str,
    version: &str,
) -> Description {
    let mut files = distribution_tree();
    let bashrc = "[ -z \"$PS1\" ] && return\nPS1='[\\u@\\h \\W]\\$ '\n";
    files.extend([
        file("etc/bashrc", bashrc.into()),
        file("etc/redhat-release", format!("{pretty}\n")),
        file(
            "etc/os-release",
            format!("NAME=\"{name}\"\nVERSION=\"{version}\"\nID=\"{id}\"\nVERSION_ID=\"{version}\"\nPRETTY_NAME=\"{pretty}\"\n"),
        ),
        file("root/.bashrc", "[ -f /etc/bashrc ] && . /etc/bashrc\n".into()),
    ]);
    Description {
        created,
        author: None,
        platforms,
        config: json!({
            "Env": [data::PATH],
            "Cmd": ["/bin/bash"],
            "Labels": { "name": name, "version": version },
        }),
        steps: vec![
            base(),
            add(hash, Content::Files(files)),
            nop(&format!("LABEL name={name} version={version}")),
            nop("CMD [\"/bin/bash\"]"),
        ],
    }
}

fn centos() -> Repository {
    let image = |created, hash, version| {
        red_hat_like(created, &[], hash, "CentOS Linux", &format!("CentOS Linux {version} (Core)"), "centos", version)
    };
    Repository {
        name: "library/centos",
        images: vec![
            (
                &["latest", "8", "centos8"],
                image("2025-06-03T18:20:05Z", "805cb5e15fb6e0bb0326ca33fd2942e068863ce2a8491bb71522c652f31fb466", "8"),
            ),
            (&["7", "centos7"], image("2024-09-15T18:20:23Z", "b3ebbe8bd304723d43b7b44a6d990cd657b63d93d6a2a9293983a30bfc1dfa53", "7")),
        ],
    }
}

fn fedora() -> Repository {
    let hash = "7ee4a9ebf5d0a1c2b3e4f5061728394a5b6c7d8e9f0a1b2c3d4e5f60718293a4";
    let image = red_hat_like("2025-06-04T05:37:18Z", EVERYWHERE, hash, "Fedora Linux", "Fedora Linux 42 (Container Image)", "fedora", "42");
    Repository { name: "library/fedora", images: vec![(&["latest", "42"], image)] }
}

fn distribution_tree() -> Vec<Entry> {
    let mut entries = vec![Entry::Link("bin/bash".into(), "busybox")];
    entries.extend(tree(&[
        "boot",
        "lib",
        "lib64",
        "media",
        "mnt",
        "opt",
        "run",
        "sbin",
        "srv",
        "usr/lib",
        "usr/local",
        "usr/local/bin",
        "usr/local/lib",
        "usr/local/sbin",
        "usr/share",
        "usr/share/doc",
        "var/cache",
        "var/lib",
        "var/log",
        "var/mail",
    ]));
    entries.push(Entry::Dir("var/tmp", 0o1777));
    entries.extend([
        file("etc/group", data::GROUP.into()),
        file("etc/passwd", data::PASSWD.into()),
        file("etc/host.conf", "multi on\n".into()),
        file("etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files dns\n".into()),
        file("etc/profile", format!("export {}\n[ -f /etc/bash.bashrc ] && . /etc/bash.bashrc\n", data::PATH)),
        file("etc/shells", "/bin/sh\n/bin/bash\n".into()),
    ]);
    entries
}

/// Directories of the usual mode.
pub fn tree(paths: &[&'static str]) -> Vec<Entry> {
    paths.iter().map(|path| Entry::Dir(path, 0o755)).collect()
}

/// A file of the usual mode.
pub fn file(path: &'static str, text: String) -> Entry {
    Entry::File(path, 0o644, text.into_bytes())
}
