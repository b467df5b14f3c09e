//! The shell and commands of the teaching images, called by their names as in an image, judged by what the host's own say.

use std::{
    fs,
    io::Write,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

#[path = "userland/awk.rs"]
mod awk;

/// A folder with a link to the binary for each applet.
struct Applets {
    dir: tempfile::TempDir,
}

impl Applets {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let busybox = dir.path().join("busybox");
        symlink(env!("CARGO_BIN_EXE_dockside"), &busybox).unwrap();
        let list = Command::new(&busybox).arg("--list").output().unwrap();
        for name in String::from_utf8(list.stdout).unwrap().lines().filter(|n| *n != "busybox") {
            symlink("busybox", dir.path().join(name)).unwrap();
        }
        fs::create_dir(dir.path().join("work")).unwrap();
        Self { dir }
    }

    fn work(&self) -> PathBuf {
        self.dir.path().join("work")
    }

    fn command(&self, applet: &str) -> Command {
        let mut command = Command::new(self.dir.path().join(applet));
        command.env_clear().env("PATH", self.dir.path()).env("HOME", "/root").env("LC_ALL", "C").env("TZ", "UTC");
        command.current_dir(self.work()).stdin(Stdio::null());
        command
    }

    /// Runs `script` in our shell called `shell`.
    fn run(&self, shell: &str, script: &str) -> Output {
        self.command(shell).args(["-c", script]).output().unwrap()
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Runs `script` in the host's shell with the host's commands, in a folder of its own.
fn host(shell: &str, script: &str, dir: &Path) -> Output {
    let mut command = Command::new(shell);
    command.args(["-c", script]).env_clear().env("PATH", "/usr/bin:/bin").env("HOME", "/root").env("LC_ALL", "C").env("TZ", "UTC");
    command.current_dir(dir).stdin(Stdio::null()).output().unwrap()
}

/// Compares what a script prints and how it ends, ours against the host's.
fn same_as_host(shell: &str, scripts: &[&str]) {
    let applets = Applets::new();
    let there = tempfile::tempdir().unwrap();
    for script in scripts {
        let (ours, theirs) = (applets.run(shell, script), host(&format!("/bin/{shell}"), script, there.path()));
        assert_eq!(text(&ours.stdout), text(&theirs.stdout), "output of {script:?}\nstderr: {}", text(&ours.stderr));
        assert_eq!(ours.status.code(), theirs.status.code(), "status of {script:?}\nstderr: {}", text(&ours.stderr));
    }
}

#[test]
fn scripts_do_what_they_do_in_the_hosts_shell() {
    same_as_host(
        "sh",
        &[
            "x=5; echo $((x*2+1)) ${x:-d} ${y:-d} ${#x}",
            "i=0; while [ $i -lt 3 ]; do echo $i; i=$((i+1)); done; until [ $i -le 1 ]; do i=$((i-1)); done; echo $i",
            "for i in 1 2 3; do [ $i = 2 ] && continue; echo $i; done; for i in 1 2; do break; done; echo $i",
            "case abc in [a-c]*) echo yes;; *) echo no;; esac",
            "f() { echo \"in $1\"; return 3; }; f a; echo $?",
            "(exit 4); echo $?; x=1; (x=2; echo $x); echo $x",
            "cat <<X\nhere $((1+1)) $HOME\nX\ncat <<'X'\nquoted $HOME\nX",
            "set -- a b 'c d'; echo $#; for x in \"$@\"; do echo \"[$x]\"; done; shift; echo $1",
            "echo $(echo nested $(echo deep)) `echo back`",
            "x=hello; echo ${x%lo} ${x#he} ${x%%l*} ${x##*l}",
            "set -e; echo before; false; echo after",
            "trap 'echo bye' EXIT; echo hi",
            "trap 'echo usr' USR1; kill -USR1 $$; sleep 0.05; echo after",
            "trap 'echo term; exit 5' TERM; kill $$; sleep 0.2; echo no",
            "trap '' TERM; kill $$; sleep 0.05; echo alive",
            "umask 027; umask; umask u=rwx,g=rx,o=; umask",
            "read a b <<X\none two three\nX\necho $a-$b",
            "echo out; echo err >&2; { echo both; echo too >&2; } 2>/dev/null",
            "exec 3>g; echo three >&3; exec 3>&-; cat g; rm g",
            "unset x; echo \"[${x-unset}]\"; x=; echo \"[${x-unset}]\" \"[${x:-empty}]\"; : ${v:=default}; echo $v",
            "export A=1; sh -c 'echo $A'; A=2 sh -c 'echo $A'; echo $A; env -i B=3 sh -c 'echo $A$B'",
            "IFS=:; x=a:b:c; set -- $x; echo $1 $3",
            "while getopts ab: o -a -b x; do echo $o $OPTARG; done",
            "sh -c 'kill -9 $$'; echo $?; sh -c 'kill $$'; echo $?; sh -c 'exit 42'; echo $?",
            "nosuchcommand 2>/dev/null; echo $?; ./nosuchscript 2>/dev/null; echo $?; /etc/passwd 2>/dev/null; echo $?",
            "! true; echo $?; false || echo or; true && echo and",
            "sleep 0.05 & echo early; wait; echo late",
            "sleep 0.05 & p=$!; kill -0 $p && echo runs; wait $p; echo $?; sh -c 'exit 7' & wait $!; echo $?",
            "sleep 100 & kill $!; wait $!; echo $?",
            "trap 'echo got it; exit 5' USR1; (kill -USR1 $$; sleep 0.2; echo on) & sleep 0.5; echo never",
            "echo $$ > a; (echo \"$$\" > b; { echo ${x:-$$} > c; } & wait) & wait; cmp a b && cmp a c; cat a b c | uniq | wc -l; echo '$$' \\$$",
            "x=5; f() { echo \"f $x $1\"; }; f a & wait; { echo $x; exit 3; } & wait $!; echo $?",
            "sh -c 'trap \"echo got term; exit 5\" TERM; while :; do sleep 0.05; done' & sleep 0.4; kill $!; wait $!; echo $?",
            "f() { seq 20000; }; f | tail -1; { seq 20000; echo x; } | wc -l; (seq 20000) | tail -1; for i in 1 2; do seq 20000; done | wc -l",
            "echo abc | { read x; echo \"got $x\"; }; printf 'a\\nb\\n' | while read x; do echo \"<$x>\"; done",
            "printf '#!/bin/sh\\necho script $1\\n' > s; chmod +x s; sh ./s arg; . ./s; rm s",
            "exec echo replaced; echo no",
            "cd /; pwd; cd /tmp; cd - >/dev/null; pwd",
        ],
    );
}

#[test]
fn bash_has_what_bash_scripts_use() {
    same_as_host(
        "bash",
        &[
            "a=(x y z); echo ${a[1]} ${#a[@]} \"${a[@]}\"",
            "for ((i=0; i<3; i++)); do echo $i; done",
            "[[ abc == a* && 3 -gt 2 ]] && echo yes",
            "[[ v1.2 =~ ^v([0-9]+) ]] && echo ${BASH_REMATCH[1]}",
            "x=hello; echo ${x/l/L} ${x//l/L} ${x^^} ${x:1:3}",
            "echo {a,b}{1..3}",
            "declare -A m; m[k]=v; echo ${m[k]}",
            "set -o pipefail; false | true; echo $?",
            "echo $((2**10)); let x=3+4; echo $x",
            "cat <<< 'here string'",
        ],
    );
}

#[test]
fn commands_print_what_the_hosts_commands_print() {
    same_as_host(
        "sh",
        &[
            "printf 'b\\na\\nc\\na\\n' > f; sort f; sort -r f | uniq -c | tr -s ' '; wc -l < f; head -2 f; tail -1 f; rm f",
            "printf 'a:b:c\\nd:e:f\\n' | cut -d: -f2 | tr a-z A-Z; seq 3 | tee t | wc -l | tr -d ' '; cat t; rm t",
            "mkdir -p d/e; touch d/x d/e/y.txt; find d -type f | sort; find d -name '*.txt' -exec echo found {} \\;; ls d; rm -r d; ls",
            "printf 'one\\ntwo\\nthree\\n' > f; grep -n t f; grep -vc o f; grep -E '^(one|two)$' f; grep -iq ONE f; echo $?; grep -q no f; echo $?",
            "printf 'one\\ntwo\\nthree\\n' > f; grep -o 'e*' f; grep -A1 one f; grep -w two f; grep -F '.' f; echo $?; grep 'o\\{1\\}ne' f; rm f",
            "printf 'a1b22\\n' | sed 's/[0-9]\\+/<&>/g'; printf '1\\n2\\n3\\n' | sed -n '2p;$d;/3/p'; printf 'x\\n' | sed -E 's/(x)/\\1\\1/;a after'",
            "printf 'a b\\nc\\n' | xargs -n1 echo; printf 'p\\nq\\n' | xargs -I{} echo '<{}>'",
            "expr 1 + 2 \\* 3; expr abc : 'a\\(.\\)c'; expr length hello; expr 3 \\> 2; expr 1 - 1; echo $?",
            "basename /a/b.c .c; dirname /a/b/c; printf '%s|%5d|%x\\n' s 42 255; echo -n x; echo; date -u -d @0 +%F",
            "printf abc | sha256sum; printf abc > f; sha256sum f > s; sha256sum -c s; rm f s",
            "test -d / && echo dir; [ 1 -lt 2 ] && echo less; true; echo $?; false; echo $?; printf 'x' | base64",
            "ln -s target link; readlink link; rm link; mkdir m; rmdir m; echo data > a; cp a b; mv b c; cat c; rm a c; stat -c %a /tmp",
            "kill -l 9; sleep 5 & kill -0 $$ && echo self",
            "kill -0 0; echo $?",
        ],
    );
}

/// Compares what a script prints and says and how it ends, our commands against BusyBox's, both in a shell of their own.
fn same_as_busybox(scripts: &[&str]) {
    let theirs = tempfile::tempdir().unwrap();
    if Command::new("busybox").args(["--install", "-s"]).arg(theirs.path()).output().is_err() {
        println!("skipped: there is no busybox here to compare with");
        return;
    }
    let applets = Applets::new();
    let run = |path: &Path, script: &str| {
        let dir = tempfile::tempdir().unwrap();
        let mut command = Command::new(path.join("sh"));
        command.args(["-c", script]).env_clear().env("PATH", path).env("TZ", "UTC").current_dir(dir.path()).stdin(Stdio::null());
        let output = command.output().unwrap();
        // The usage that follows an option that is not known lists what each has.
        let said = text(&output.stderr).split("BusyBox v").next().unwrap().split("Usage:").next().unwrap().to_owned();
        (text(&output.stdout), said, output.status.code())
    };
    for script in scripts {
        assert_eq!(run(applets.dir.path(), script), run(theirs.path(), script), "{script}");
    }
}

#[test]
fn a_program_with_a_time_limit_takes_the_place_of_timeout() {
    same_as_busybox(&[
        // BusyBox's shell says what ended a child, ours does not.
        // The same process: its number, its parent, and signals and statuses that nobody stands between.
        "sh -c 'a=$$ b=$PPID; exec timeout 9 sh -c \"[ $a = \\$\\$ ] && [ $b = \\$PPID ] && echo the same\"'",
        "for s in TERM HUP USR1 KILL; do timeout 9 sleep 8 & sleep 1; kill -$s $!; wait $!; echo $?; done 2>/dev/null",
        "timeout 9 sh -c 'trap \"echo got it; exit 4\" USR1; kill -USR1 $$; sleep 2'; echo $?",
        "exec 2>/dev/null; timeout 1 sleep 5; echo $?; timeout -s KILL 1 sleep 5; echo $?; timeout -sINT 1 sleep 5; echo $?; timeout -s9 1 sleep 5; echo $?",
        "exec 2>/dev/null; timeout -k 1 1 sh -c 'trap \"\" TERM; while :; do sleep 0.1; done'; echo $?; timeout 1 sh -c 'trap \"exit 7\" TERM; while :; do sleep 0.1; done'; echo $?",
        "exec 2>/dev/null; timeout 5 sh -c 'exit 3'; echo $?; timeout 5 sh -c 'kill -9 $$'; echo $?; timeout 0 sleep 3; echo $?; timeout 0.5 sleep 3; echo $?",
        "timeout 9 echo whoever reads waits for nobody else | cat; timeout -s 0 1 sleep 2; echo $?; timeout 1m true; echo $?; timeout -- 9 echo x",
        "timeout 5 /; echo $?; timeout 5 nothere; echo $?; timeout 5 ''; echo $?",
        "timeout; echo $?; timeout 1; echo $?; timeout -p 1 1 true; echo $?; timeout -k; echo $?; timeout -1 true; echo $?",
        "timeout x true; echo $?; timeout '' true; echo $?; timeout 1e1 true; echo $?; timeout -k x 1 true; echo $?; timeout -s XX 1 true; echo $?",
    ]);
}

#[test]
fn archives_are_made_and_read_as_busybox_does() {
    let tree =
        "mkdir -p d/e; echo one > d/f; chmod 640 d/f; echo two > d/e/g; ln -s f d/l; touch -d '2020-01-02 03:04:05' d/f d/e/g d/e d; ";
    let scripts = [
        "tar cf a.tar d/e d/f; tar tf a.tar; tar tvf a.tar d/f d/e | cut -c1-10,20-; tar tf a.tar d/e",
        "tar czvf a.tgz d/e d/f; mkdir x; tar xzvf a.tgz -C x; ls -R x; cat x/d/f; stat -c %a:%Y x/d/f",
        "tar cf - d/e | tar xvOf - d/e/g | sort; tar cvf - d/e | tar t",
        "tar cf a.tar $PWD/d/e 2>/dev/null; tar xf a.tar; echo $?; tar cf b.tar ../${PWD##*/}/d/f; tar tf b.tar | sed 's/.*d/d/'",
        "tar xf nope; echo $?; tar cf z.tar; echo $?; tar cf z.tar d nope; echo $?; tar tf z.tar | sort; tar xf z.tar -C nodir; echo $?",
        "tar cf a.tar d/f; tar xf a.tar nope; echo $?; tar xkf a.tar; echo $?; head -c 300 a.tar > b; tar tf b; tar tf /dev/null; echo $?",
        "ln d/f d/h; tar cf a.tar d/f d/h; tar tf a.tar; tar tvf a.tar | tail -n 1 | sed 's/.*d.h/d\\/h/'; mkdir x; tar xf a.tar -C x; ls x/d",
        "tar cf a.tar d/e/g; tar xvf a.tar --strip-components 1; ls e; tar c -f a.tar -C d f; tar tf a.tar; tar -xf; echo $?; tar -y; echo $?",
        "ln -s /nowhere d/out; ln -s ../f d/e/up; tar cf a.tar d; mkdir x; tar xf a.tar -C x; for l in x/d/out x/d/e/up x/d/l; do readlink $l; done",
        "n=d/$(printf 'n%.0s' $(seq 150)); echo long > $n; ln -s $n d/k; tar cf a.tar $n d/k; mkdir x; tar xf a.tar -C x; cat x/$n; readlink x/d/k",
    ];
    let scripts: Vec<String> = scripts.iter().map(|script| format!("{tree}{script}")).collect();
    same_as_busybox(&scripts.iter().map(String::as_str).collect::<Vec<_>>());
    same_as_busybox(&[
        "echo hi > a; gzip a; ls; gunzip a.gz; ls; cat a; gzip -k a; zcat a.gz; gzip -k a; echo $?; gzip -t a.gz; gunzip -kf a.gz; echo $?",
        "gzip nope; echo $?; echo x > a; gunzip a; echo $?; zcat a; echo $?; mv a a.gz; gunzip a.gz; echo $?; gzip -t a.gz; ls; gzip -z; echo $?",
        "seq 5000 | gzip -c | gunzip | tail -n 1; seq 9 | gzip -9 > a.gz; gzip -dc a.gz | wc -l; echo t | gzip > t.tgz; gunzip t.tgz; cat t.tar",
        "seq 100 > a; chmod 600 a; gzip a; stat -c %a a.gz; gunzip a.gz; stat -c %a a",
        "echo hi > a; echo yo > b; md5sum a b nope; sha1sum a; sha256sum < a; sha512sum a; md5sum a b > s; md5sum -c s; echo z > b; md5sum -c s",
        "echo hi > a; md5sum a > s; md5sum -cs s; echo $?; echo junk >> s; md5sum -cw s; echo $?; md5sum -c nope; echo $?; md5sum -q; echo $?",
        "echo '00  nope' | md5sum -c; echo $?; md5sum -w a; echo $?; md5sum .; echo $?; md5sum -c /dev/null; echo $?",
    ]);
}

#[test]
fn an_archive_puts_nothing_outside_of_its_folder() {
    let applets = Applets::new();
    let (work, outside) = (applets.work(), applets.dir.path().join("outside"));
    fs::create_dir(&outside).unwrap();
    fs::write(outside.join("kept"), "kept").unwrap();
    let out = outside.to_str().unwrap();
    let link = |name: &str, kind, to: &str| (name.to_owned(), kind, to.to_owned());
    let file = |name: &str| (name.to_owned(), tar::EntryType::Regular, String::new());
    use tar::EntryType::{Link, Symlink};
    let hostile = [
        vec![file("../outside/evil")],
        vec![file(&format!("{out}/evil"))],
        vec![file("a/../../outside/evil")],
        vec![link("s", Symlink, out), file("s/evil")],
        vec![link("s", Symlink, "../outside"), file("s/evil")],
        vec![link("s", Symlink, &format!("{out}/evil")), file("s")],
        vec![link("s", Symlink, &format!("{out}/kept")), file("s")],
        vec![link("h", Link, "../outside/kept"), file("h")],
        vec![link("h", Link, &format!("{out}/kept")), file("h")],
        vec![link("s", Symlink, "../outside"), link("s/h", Link, "x"), link("s/t", Symlink, "/etc"), file("x")],
        vec![link("s", Symlink, out), link("d", Link, "s"), file("d/evil")],
    ];
    for entries in hostile {
        let mut archive = tar::Builder::new(vec![]);
        for (name, kind, to) in &entries {
            // The crate does not write such names by itself.
            let mut header = tar::Header::new_gnu();
            header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
            header.as_old_mut().linkname[..to.len()].copy_from_slice(to.as_bytes());
            header.set_entry_type(*kind);
            header.set_mode(0o644);
            let content: &[u8] = if kind.is_file() { b"evil" } else { b"" };
            header.set_size(content.len() as u64);
            header.set_cksum();
            archive.append(&header, content).unwrap();
        }
        fs::remove_dir_all(&work).unwrap();
        fs::create_dir(&work).unwrap();
        fs::write(work.join("a.tar"), archive.into_inner().unwrap()).unwrap();
        let output = applets.run("sh", "mkdir in; cd in; tar xvf ../a.tar");
        let there: Vec<_> = fs::read_dir(&outside).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(there, ["kept"], "{entries:?}: {}", text(&output.stderr));
        assert_eq!(fs::read_to_string(outside.join("kept")).unwrap(), "kept", "{entries:?}");
        assert!(text(&output.stdout).contains(entries[0].0.rsplit('/').next().unwrap()), "it was not read: {}", text(&output.stderr));
    }
}

#[test]
fn differences_are_shown_as_busybox_shows_them() {
    let files = "printf 'a\\nb\\nc\\n' > f; printf 'a\\nX\\nc\\nd' > g; seq 30 > s; { seq 3; echo x; seq 4 30 | grep -v 15; } > t; : > e; \
        mkdir -p p/sub q/sub p/only; echo a > p/a; echo b > q/a; echo c > q/c; printf 'A  b\\n' > u; printf 'a b \\n' > v; ";
    let scripts = [
        "diff f g; echo $?; diff f f; echo $?; diff -q f g; diff -U0 f g; diff -u s t; diff -U 1 s t",
        "diff f nope; echo $?; diff e f; diff f e; diff -N f nope; diff f; echo $?; diff -L one -L two f g; diff -z f g; echo $?",
        "diff p q; echo $?; diff -r p q; diff -rN p q; diff -rq p q; mkdir q/only; echo f > p/only/f; diff -r p q; cp f p; diff p f; echo $?; diff -s f g | head -n 1",
        "diff u v; diff -i u v; diff -ib u v; echo $?; diff -iw u v; echo $?; diff - f < g; head -c 99 /proc/self/exe > y; head -c 98 y > z; diff y z; echo $?",
    ];
    let scripts: Vec<String> = scripts.iter().map(|script| format!("{files}{script}")).collect();
    same_as_busybox(&scripts.iter().map(String::as_str).collect::<Vec<_>>());
}

#[test]
fn listening_sockets_are_listed_as_busybox_lists_them() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let _client = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let port = listener.local_addr().unwrap().port();
    let scripts = [
        format!("netstat -tln | sed -n '1,2p;/:{port} /p'; netstat -tn | grep ' 127.0.0.1:{port} ' | cut -c1-70"),
        "netstat -rn; netstat -z; echo $?; netstat -xl | head -n 2; netstat -wn | head -n 2; netstat -uln | head -n 2".to_owned(),
    ];
    same_as_busybox(&scripts.iter().map(String::as_str).collect::<Vec<_>>());
    let applets = Applets::new();
    let own = text(&applets.run("sh", "netstat -tlnp").stdout);
    let line = own.lines().find(|line| line.contains(&format!(":{port} "))).unwrap_or_else(|| panic!("{own}"));
    assert!(line.contains(&format!(" {}/", std::process::id())), "{line}");
}

#[test]
fn a_pager_hands_on_in_a_pipe_and_pages_on_a_terminal() {
    same_as_busybox(&[
        "seq 99 > s; less s | tail -n 1; more s | head -n 1; seq 3 | less; seq 3 | more; less nope; echo $?; more nope; echo $?",
    ]);
    let applets = Applets::new();
    fs::write(applets.work().join("s"), (1..=300).map(|n| format!("line{n}.\n")).collect::<String>()).unwrap();
    fs::write(applets.work().join("long"), (1..=1000).map(|n| format!("word{n}.")).collect::<String>()).unwrap();
    let pager = |name: &str, file: &str| {
        let mut command = Command::new(applets.dir.path().join("sh"));
        // The shell stays: what comes after the pager shows that the terminal is as before.
        let script = format!("stty rows 24 cols 80; {name} {file}; echo left; read x; echo \"got $x\"");
        command.args(["-c", &script]).env_clear().env("PATH", applets.dir.path()).current_dir(applets.work());
        rexpect::session::spawn_command(command, Some(20_000)).unwrap()
    };
    let mut less = pager("less", "s");
    for (keys, seen) in [("", "line23."), (" ", "line46."), ("b", "line1."), ("/e25.\r", "line47."), ("G", "(END)"), ("g", "line1.")] {
        less.send(keys).unwrap();
        less.flush().unwrap();
        less.exp_string(seen).unwrap_or_else(|error| panic!("less, {keys:?}: {error}"));
    }
    less.send("/nosuch\r").unwrap();
    less.flush().unwrap();
    less.exp_string("No matches found").unwrap();
    less.send("q").unwrap();
    less.flush().unwrap();
    less.exp_string("left").unwrap();
    less.send_line("typed").unwrap();
    less.exp_string("got typed").unwrap();
    // A line that fills more than the screen.
    let mut long = pager("less", "long");
    for (keys, seen) in [("", "word200."), (" ", "word400."), ("G", "word1000."), ("g", "word1.")] {
        long.send(keys).unwrap();
        long.flush().unwrap();
        long.exp_string(seen).unwrap_or_else(|error| panic!("less, {keys:?}: {error}"));
    }
    let mut more = pager("more", "s");
    more.exp_string("--More-- (6% of ").unwrap();
    more.send("\r").unwrap();
    more.flush().unwrap();
    more.exp_string("line24.").unwrap();
    more.exp_string("--More--").unwrap();
    more.send("q").unwrap();
    more.flush().unwrap();
    more.exp_string("left").unwrap();
}

#[test]
fn commands_are_built_of_input_as_busybox_does() {
    same_as_busybox(&include_str!("userland/xargs.txt").lines().collect::<Vec<_>>());
}

#[test]
fn signals_have_the_names_that_bash_knows() {
    same_as_host(
        "bash",
        &[
            "kill -l; kill -l 34 37 50 64 9 137 RTMIN+1 SIGRTMAX-2 RTMAX rtmin TERM",
            "for s in RTMIN+3 SIGRTMAX 35 rtmin; do sleep 9 & kill -$s $!; wait $!; echo $?; done 2>/dev/null",
        ],
    );
    same_as_busybox(&["kill -l; kill -l 9 143 HUP"]);
}

#[test]
fn an_editor_edits_on_a_terminal_and_leaves_it_as_it_was() {
    let applets = Applets::new();
    let work = applets.work();
    let edited = |file: &str, size: &str, keys: &[&str]| {
        let mut command = Command::new(applets.dir.path().join("sh"));
        let script = format!("stty {size}; vi {file}; echo left $?; read x; echo \"got $x\"");
        command.args(["-c", &script]).env_clear().env("PATH", applets.dir.path()).current_dir(applets.work());
        let mut session = rexpect::session::spawn_command(command, Some(20_000)).unwrap();
        // The screen has been drawn once the cursor is shown.
        session.exp_string("\x1b[?25h").unwrap();
        for keys in keys {
            session.send(keys).unwrap();
            session.flush().unwrap();
        }
        session.exp_string("left 0").unwrap_or_else(|error| panic!("{file} {keys:?}: {error}"));
        session.send_line("typed").unwrap();
        session.exp_string("got typed").unwrap();
    };
    fs::write(work.join("a"), "one\ntwo\nthree\n").unwrap();
    edited("a", "rows 24 cols 80", &["jdd", "ifoo\x1b", ":wq\r"]);
    assert_eq!(fs::read_to_string(work.join("a")).unwrap(), "one\nfoothree\n");
    // Arrows, an interrupt instead of escape, and a screen that nothing fits on.
    edited("a", "rows 1 cols 3", &["\x1b[B\x1b[C", "iX", "\x03", ":wq\r"]);
    assert_eq!(fs::read_to_string(work.join("a")).unwrap(), "one\nfXoothree\n");
    let bytes: Vec<u8> = (0..=255).cycle().take(1000).collect();
    fs::write(work.join("b"), &bytes).unwrap();
    edited("b", "rows 10 cols 20", &["Gix\x1bx", ":wq\r"]);
    assert_eq!(fs::read(work.join("b")).unwrap(), bytes);
    edited("-R a", "rows 10 cols 20", &["x:w\r", ":q!\r"]);
    edited("/", "rows 10 cols 20", &[":w\r", ":q\r"]);
    assert_eq!(fs::read_to_string(work.join("a")).unwrap(), "one\nfXoothree\n");
    // Keys may come from elsewhere, and end.
    let script = "printf 'ihello\\033:wq\\r' | vi new > s; echo $?; cat new; vi new < /dev/null > s; echo $?; vi new <&- > s; echo $?";
    assert_eq!(text(&applets.run("sh", script).stdout), "0\nhello\n1\n1\n");
}

#[test]
fn a_reader_that_leaves_ends_the_writer_quietly() {
    let applets = Applets::new();
    let output = applets.run("sh", "yes | head -1; seq 100000 | head -1; find /dev -maxdepth 1 | head -1");
    assert_eq!((text(&output.stdout).as_str(), text(&output.stderr).as_str()), ("y\n1\n/dev\n", ""));
}

#[test]
fn everything_runs_in_a_root_with_nothing_but_the_binary() {
    let root = tempfile::tempdir().unwrap();
    fs::create_dir(root.path().join("bin")).unwrap();
    fs::copy(env!("CARGO_BIN_EXE_dockside"), root.path().join("bin/busybox")).unwrap();
    for name in ["sh", "bash", "ls", "cat", "date", "id", "sort", "grep", "sed", "env"] {
        symlink("busybox", root.path().join("bin").join(name)).unwrap();
    }
    let script = "export PATH=/bin; ls /; printf 'b\\na\\n' | sort | grep -v b | sed s/a/A/; cat /none; date +%Y > /year; test -s /year; echo $?; id -u";
    let output = Command::new("unshare")
        .args(["-r", "chroot"])
        .arg(root.path())
        .args(["/bin/sh", "-c", script])
        .env_clear()
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .output();
    let output = match output {
        Ok(output) if !text(&output.stderr).contains("unshare") => output,
        other => {
            println!("SKIP: no user namespace to be had here: {other:?}");
            return;
        }
    };
    // A message is what localisation without files has to get right.
    assert_eq!(text(&output.stderr), "cat: /none: No such file or directory\n");
    assert_eq!(text(&output.stdout), "bin\nA\n0\n0\n");
}

#[test]
fn commands_come_from_standard_input_line_by_line() {
    let applets = Applets::new();
    let mut child = applets.command("sh").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(b"read x\nfor the read\necho \"got $x\"\nif true\nthen echo two lines\nfi\nexit 6\necho no\n")
        .unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(text(&output.stdout), "got for the read\ntwo lines\n");
    assert_eq!(output.status.code(), Some(6));
}

#[test]
fn a_person_gets_prompts_and_an_interrupt_ends_the_line_only() {
    let applets = Applets::new();
    let mut command = Command::new(applets.dir.path().join("sh"));
    command.env_clear().env("PATH", applets.dir.path()).env("PS1", "READY> ").current_dir(applets.work());
    let mut session = rexpect::session::spawn_command(command, Some(20_000)).unwrap();
    session.exp_string("READY> ").unwrap();
    session.send_line("echo $((6*7))").unwrap();
    session.exp_string("42").unwrap();
    session.exp_string("READY> ").unwrap();
    session.send("echo never").unwrap();
    session.send_control('c').unwrap();
    session.exp_string("READY> ").unwrap();
    session.send_line("sleep 100").unwrap();
    // The sleep owns the terminal once its name can be seen by `ps`; the interrupt is for it, and the shell goes on.
    std::thread::sleep(std::time::Duration::from_millis(300));
    session.send_control('c').unwrap();
    session.exp_string("READY> ").unwrap();
    session.send_line("echo after $?").unwrap();
    session.exp_string("after 130").unwrap();
    session.exp_string("READY> ").unwrap();
    session.send_line("exit 9").unwrap();
    assert!(format!("{:?}", session.process().wait().unwrap()).contains('9'));
}

#[test]
fn what_the_shell_says_is_what_students_meet_elsewhere() {
    let applets = Applets::new();
    for (shell, script, expected) in [
        ("sh", "nosuch", "sh: nosuch: not found\n"),
        ("bash", "nosuch", "bash: line 1: nosuch: command not found\n"),
        ("sh", "wait 999999", "wait: pid 999999 is not a child of this shell\n"),
    ] {
        assert_eq!(text(&applets.run(shell, script).stderr), expected, "{script}");
    }
}

#[test]
fn a_folder_is_served_and_fetched() {
    let applets = Applets::new();
    fs::create_dir(applets.work().join("site")).unwrap();
    let page: String = (0..50_000).map(|n| format!("{n}\n")).collect();
    fs::write(applets.work().join("site/index.html"), &page).unwrap();
    fs::write(applets.work().join("secret"), "no").unwrap();
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut server = applets.command("httpd").args(["-f", "-p", &free.to_string(), "-h", "site"]).spawn().unwrap();
    let script = |text: &str| applets.run("sh", &text.replace("AT", &free.to_string()));
    let up = format!("until nc -z {} {}; do :; done", free.ip(), free.port());
    assert!(applets.run("sh", &up).status.success());
    let got = script("wget -qO- http://AT/");
    assert!(got.status.success() && text(&got.stdout) == page, "{}", text(&got.stderr));
    let saved = script("wget http://AT && cmp_size=$(wc -c < index.html) && echo $cmp_size");
    assert_eq!(text(&saved.stdout).trim(), page.len().to_string(), "{}", text(&saved.stderr));
    for missing in ["none", "../secret", "%2e%2e/secret"] {
        let got = script(&format!("wget -qO- http://AT/{missing}"));
        assert_eq!((got.status.code(), text(&got.stderr).trim()), (Some(1), "wget: server returned error: HTTP/1.1 404 Not Found"));
    }
    let hand = format!("printf 'GET / HTTP/1.0\\r\\n\\r\\n' | nc {} {} | head -n 1", free.ip(), free.port());
    assert_eq!(text(&applets.run("sh", &hand).stdout).trim(), "HTTP/1.1 200 OK");
    server.kill().unwrap();
    server.wait().unwrap();
    let gone = script("wget -qO- http://AT/");
    assert_eq!(text(&gone.stderr).trim(), "wget: can't connect to remote host (127.0.0.1): Connection refused");
    assert_eq!(text(&script("ping nobody.invalid").stderr).trim(), "ping: bad address 'nobody.invalid'");
}

#[test]
fn a_program_serves_whoever_comes() {
    let applets = Applets::new();
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut server = applets.command("nc").args(["-lk", "-p", &free.to_string(), "-e", "sed", "s/^/got /"]).spawn().unwrap();
    let ask = |word: &str| {
        text(&applets.run("sh", &format!("until nc -z 127.0.0.1 {free}; do :; done; echo {word} | nc 127.0.0.1 {free}")).stdout)
    };
    assert_eq!((ask("one"), ask("two")), ("got one\n".to_owned(), "got two\n".to_owned()));
    server.kill().unwrap();
    server.wait().unwrap();
    // Once, with the flag behind another one.
    let other = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut once = applets.command("nc").args(["-p", &other.to_string(), "-le", "echo", "hello", "-e"]).spawn().unwrap();
    let told =
        applets.run("sh", &format!("for i in $(seq 200); do nc 127.0.0.1 {other} </dev/null 2>/dev/null && break; sleep 0.02; done"));
    assert_eq!(text(&told.stdout), "hello -e\n");
    assert!(once.wait().unwrap().success());
    let missing = applets.run("sh", "nc -l -p 1 -e");
    assert!(text(&missing.stderr).starts_with("nc: option requires an argument -- 'e'\n"), "{missing:?}");
}
