//! The list of applets, and the way from a name to its function.
//!
//! The list is a constant and the way is a scan of it: `true` must not pay for a command line parser or an async runtime.

use std::{ffi::OsString, path::Path, process::ExitCode};

use super::{
    awk, busybox, coreutils, diff, expr, find, gosu, grep, gzip, httpd, id, ip, kill, mount, naming, nc, netstat, nodes, nslookup, pager,
    ping, ps, redis, registry, ryuk, shell, small, stty, sums, tar, telnet, top, vi, wget, wrapping, xargs,
};

/// What an applet is given: the name it goes by first, its arguments after it.
pub type Args = Vec<OsString>;

/// A command of the teaching images.
pub struct Applet {
    /// The name it is called under.
    pub name: &'static str,
    /// Runs it and gives its exit status.
    pub run: fn(Args) -> ExitCode,
}

macro_rules! applets {
    ($($name:literal => $run:path,)*) => {
        /// Every applet, sorted by name.
        pub const APPLETS: &[Applet] = &[$(Applet { name: $name, run: $run },)*];
    };
}

applets! {
    "[" => coreutils::test,
    "ash" => shell::main,
    "awk" => awk::main,
    "base64" => coreutils::base64,
    "basename" => coreutils::basename,
    "bash" => shell::main,
    "busybox" => busybox::main,
    "cat" => coreutils::cat,
    "chmod" => coreutils::chmod,
    "chown" => coreutils::chown,
    "chroot" => wrapping::chroot,
    "clear" => small::clear,
    "cp" => coreutils::cp,
    "cut" => coreutils::cut,
    "date" => coreutils::date,
    "dd" => coreutils::dd,
    "df" => coreutils::df,
    "diff" => diff::main,
    "dirname" => coreutils::dirname,
    "du" => coreutils::du,
    "echo" => coreutils::echo,
    "egrep" => grep::main,
    "env" => coreutils::env,
    "expr" => expr::main,
    "false" => small::no,
    "fgrep" => grep::main,
    "find" => find::main,
    "free" => small::free,
    "gosu" => gosu::main,
    "grep" => grep::main,
    "gunzip" => gzip::main,
    "gzip" => gzip::main,
    "head" => coreutils::head,
    "hostname" => coreutils::hostname,
    "httpd" => httpd::main,
    "id" => id::id,
    "ip" => ip::main,
    "kill" => kill::main,
    "killall" => naming::killall,
    "less" => pager::main,
    "ln" => coreutils::ln,
    "ls" => coreutils::ls,
    "md5sum" => sums::main,
    "mkdir" => coreutils::mkdir,
    "mkfifo" => nodes::mkfifo,
    "mknod" => nodes::mknod,
    "mktemp" => coreutils::mktemp,
    "more" => pager::main,
    "mount" => mount::main,
    "mv" => coreutils::mv,
    "nc" => nc::main,
    "netstat" => netstat::main,
    "nproc" => coreutils::nproc,
    "nslookup" => nslookup::main,
    "pidof" => naming::pidof,
    "ping" => ping::main,
    "printenv" => coreutils::printenv,
    "printf" => coreutils::printf,
    "ps" => ps::main,
    "pwd" => coreutils::pwd,
    "readlink" => coreutils::readlink,
    "realpath" => small::realpath,
    "redis-cli" => redis::cli_main,
    "redis-server" => redis::server_main,
    "registry" => registry::main,
    "rm" => coreutils::rm,
    "rmdir" => coreutils::rmdir,
    "ryuk" => ryuk::main,
    "sed" => coreutils::sed,
    "seq" => coreutils::seq,
    "setsid" => wrapping::setsid,
    "sh" => shell::main,
    "sha1sum" => sums::main,
    "sha256sum" => sums::main,
    "sha512sum" => sums::main,
    "sleep" => coreutils::sleep,
    "sort" => coreutils::sort,
    "stat" => coreutils::stat,
    "stty" => stty::main,
    "sync" => coreutils::sync,
    "tail" => coreutils::tail,
    "tar" => tar::main,
    "tee" => coreutils::tee,
    "telnet" => telnet::main,
    "test" => coreutils::test,
    "timeout" => wrapping::timeout,
    "top" => top::main,
    "touch" => coreutils::touch,
    "tr" => coreutils::tr,
    "true" => small::yes,
    "tty" => coreutils::tty,
    "umount" => mount::unmount_main,
    "uname" => coreutils::uname,
    "uniq" => coreutils::uniq,
    "uptime" => small::uptime,
    "usleep" => wrapping::usleep,
    "vi" => vi::main,
    "wc" => coreutils::wc,
    "wget" => wget::main,
    "which" => small::which,
    "whoami" => id::whoami,
    "xargs" => xargs::main,
    "yes" => coreutils::yes,
    "zcat" => gzip::main,
}

/// The applet called `name`, if there is one.
pub fn find_applet(name: &str) -> Option<&'static Applet> {
    APPLETS.iter().find(|applet| applet.name == name)
}

/// Whether `name` is a command that the teaching images carry.
pub fn is_applet(name: &str) -> bool {
    find_applet(name).is_some()
}

/// Runs the applet named by the last component of `args[0]` (a login shell's leading dash aside).
pub fn main(args: Args) -> ExitCode {
    let name = applet_name(args.first());
    match find_applet(&name) {
        Some(applet) => {
            // Rust ignores SIGPIPE; a command in a pipe must end quietly when its reader has gone.
            if !matches!(applet.name, "ash" | "bash" | "busybox" | "sh") {
                let _ = uucore::signals::enable_pipe_errors();
            }
            (applet.run)(args)
        }
        None => {
            eprintln!("{name}: applet not found");
            ExitCode::from(127)
        }
    }
}

/// The name an applet goes by: the last component of `argv0`, without a login shell's dash.
pub fn applet_name(argv0: Option<&OsString>) -> String {
    let name = argv0.map(Path::new).and_then(Path::file_name).map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    name.strip_prefix('-').unwrap_or(&name).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_sorted_and_unique() {
        assert!(APPLETS.windows(2).all(|pair| pair[0].name < pair[1].name));
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn every_command_of_the_images_is_there() {
        use crate::engine::catalog::{COMMANDS, OF_ONE_IMAGE};
        let common = |name: &&&str| !OF_ONE_IMAGE.contains(*name);
        assert!(APPLETS.iter().map(|applet| &applet.name).filter(common).eq(COMMANDS));
        assert!(OF_ONE_IMAGE.iter().all(|name| find_applet(name).is_some()));
    }

    #[test]
    fn a_login_shell_and_a_path_are_known_by_their_name() {
        assert_eq!(applet_name(Some(&"-bash".into())), "bash");
        assert_eq!(applet_name(Some(&"/usr/bin/env".into())), "env");
        assert!(is_applet("[") && !is_applet("docker"));
    }
}
