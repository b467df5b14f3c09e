//! `awk`, judged by BusyBox's: the same programs over the same files, output, words and status byte for byte.

use std::{fs, os::unix::fs::symlink, path::Path, process::Command, process::Stdio};

use super::{Applets, text};

/// Command lines, each in a folder with [`FILES`], between lines of `%%`.
const CASES: &str = include_str!("awk.txt");

const FILES: &[(&str, &str)] = &[
    ("blocks", "alpha x\nEND\nbeta y\nEND\ngamma\n"),
    ("commas", "x, y,z\n1,2,  3\n"),
    ("comments", "# no\nyes\n#no\n also\n"),
    ("crlf", "a\r\nb c\r\n"),
    ("digits", "ab12cd345ef"),
    ("dots", "www.example.com\na.b\n.x\n"),
    ("lib.awk", "function twice(x) { return 2 * x }\n"),
    ("main.awk", "BEGIN { print twice(21) }\n{ print twice($1) }"),
    ("nums", "10\n9\n100\n-3\n2.5\n"),
    ("one", "one line here\n"),
    ("paras", "first a:b\nsecond\n\n\nthird c\n fourth:d\n\nlast\n"),
    (
        "passwd",
        "root:x:0:0:root:/root:/bin/bash\ndaemon:x:1:1::/usr/sbin:/usr/sbin/nologin\nanna:x:1000:1000:Anna,,,:/home/anna:/bin/sh\n\
         nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n",
    ),
    ("passwd.awk", "$7 ~ /nologin$/ { print $1 }\n"),
    ("pipes", "a|b|c\nd||f\n"),
    ("prog.awk", "#!/usr/bin/awk -f\n# pays\nBEGIN { print \"pay\" }\n\n$3 > 0 {\n\ttotal += $2 * $3   # sum\n}\n\nEND { print total\n}\n"),
    ("semis", "a b;c\nd;e;"),
    ("staff", "Beth 4.00 0\nDan 3.75 0\nKathy 4.00 10\nMark 5.00 20\nMary 5.50 22\nSusie 4.25 18\n"),
    ("tabs", "a\tb c\td\n\tx\t\ty\n"),
    ("two", "two  lines\nof text\n"),
    ("words", "apple\nbanana\napple\ncherry\nbanana\napple\n"),
];

/// What a command line prints, says and ends with, and the files that it leaves.
fn outcome(awk: &Path, script: &str) -> (String, String, Option<i32>, Vec<String>) {
    let (dir, path) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    for (name, content) in FILES {
        fs::write(dir.path().join(name), content).unwrap();
    }
    symlink(awk, path.path().join("awk")).unwrap();
    let mut command = Command::new("/bin/sh");
    command.args(["-c", script]).env_clear().env("PATH", format!("{}:/usr/bin:/bin", path.path().display()));
    command.env("HOME", "/root").env("LC_ALL", "C").env("TZ", "UTC").current_dir(dir.path()).stdin(Stdio::null());
    let output = command.output().unwrap();
    let said = text(&output.stderr);
    let said = said.split("BusyBox v").next().unwrap().split("Usage:").next().unwrap().to_owned();
    let mut left: Vec<String> = fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    left.sort();
    (text(&output.stdout), said, output.status.code(), left)
}

fn ours() -> Applets {
    Applets::new()
}

#[test]
fn programs_do_what_they_do_in_busybox() {
    let Ok(busybox) = Command::new("sh").args(["-c", "command -v busybox && busybox --list | grep -qx awk"]).output() else { return };
    if !busybox.status.success() {
        println!("skipped: there is no busybox with awk here to compare with");
        return;
    }
    let busybox = text(&busybox.stdout);
    let applets = ours();
    let mut differ = vec![];
    let cases: Vec<&str> = CASES.trim_end().split("\n%%\n").collect();
    assert!(cases.len() > 150, "{}", cases.len());
    for script in &cases {
        let (here, there) = (outcome(&applets.dir.path().join("awk"), script), outcome(Path::new(busybox.trim()), script));
        if here != there {
            differ.push(format!("{script}\nours:   {here:?}\ntheirs: {there:?}\n"));
        }
    }
    assert!(differ.is_empty(), "{} of {} differ\n{}", differ.len(), cases.len(), differ.join("\n"));
}

/// Where Debian's BusyBox was made without mathematics, or stands against all other awks; the answers are theirs.
#[test]
fn programs_do_what_all_other_awks_do_where_busybox_does_not() {
    let applets = ours();
    for (script, expected) in [
        (r#"awk 'BEGIN { printf "%*d|%-*d|%.*f\n", 6, 42, 6, 42, 2, 3.14159 }'"#, "    42|42    |3.14\n"),
        (r#"awk 'BEGIN { printf "%d\n", 2147483648 * 4 }'"#, "8589934592\n"),
        ("awk 'BEGIN { print 17 % 5, -17 % 5, 2 ^ 10, 2 ** 3, -2 ^ 2, 2 ^ 3 ^ 2 }'", "2 -2 1024 8 -4 512\n"),
        ("awk 'BEGIN { x = 5; x += 3; x -= 1; x *= 2; x /= 4; x %= 3; x ^= 2; print x; x **= 2; print x }'", "0.25\n0.0625\n"),
        (r#"awk 'BEGIN { print 1 && 0, 1 || 0, 1 && "a", 0 && x++, x + 0, 1 || x++, x + 0 }'"#, "0 1 1 0 0 1 0\n"),
        (
            "awk 'BEGIN { print sqrt(16), exp(0), log(1), sin(0), cos(0), atan2(0, -1), exp(1), log(10) }'",
            "4 1 0 0 1 3.14159 2.71828 2.30259\n",
        ),
        (r#"awk 'BEGIN { RS = ""; FS = "\n" } { print NF, $1 }' paras"#, "2 first a:b\n2 third c\n1 last\n"),
        (r"printf 'a\0b\n' | awk '{ print length($0) }'", "3\n"),
        (r#"awk 'BEGIN { print "aa" ~ /^a{2}$/, "a/b" ~ "a/b", "/" ~ /[/]/, "x" ~ /[[:upper:]/]/ }'"#, "1 1 1 0\n"),
        (r#"echo 010 08 0x1A | awk '{ print $1 + 0, $2 + 1, $3 + 0, ("nancy" + 0), ("info" + 0) }'"#, "10 9 26 0 0\n"),
        (r#"awk 'BEGIN { f = "wor"; getline x < f "ds"; print "[" x "]" }'"#, "[]\n"),
        (r#"awk 'BEGIN { s = "hello"; gsub(/l*/, "x", s); print s; s = "baaac"; gsub(/a*/, "X", s); print s }'"#, "xhxexox\nXbXcX\n"),
        (r#"awk 'BEGIN { print substr("hello", 2, 1e10), substr("hello", -1e10, 2e10) }'"#, "ello hello\n"),
        (r"printf 'k\377 x\n' | awk '{ print length($1), $2, ($1 ~ /^k\377$/) }'", "2 x 1\n"),
    ] {
        let (printed, said, status, _) = outcome(&applets.dir.path().join("awk"), script);
        assert_eq!((printed.as_str(), said.as_str(), status), (expected, "", Some(0)), "{script}");
    }
}

#[test]
fn whatever_a_program_is_it_ends_with_words() {
    let applets = ours();
    let awk = applets.dir.path().join("awk");
    let deep = |open: &str, close: &str, times: usize| format!("BEGIN {{ print {}1{} }}", open.repeat(times), close.repeat(times));
    let programs = [
        (deep("(", ")", 100_000), "awk: cmd. line:1: Nested too deep\n"),
        (deep("- ", "", 100_000), "awk: cmd. line:1: Nested too deep\n"),
        (deep("1 + ", "", 100_000), "awk: cmd. line:1: Nested too deep\n"),
        ("function f(n) { return f(n + 1) } BEGIN { f(1) }".to_owned(), "awk: cmd. line:1: Functions call each other too deep\n"),
        ("BEGIN { $1e9 = 1 }".to_owned(), "awk: cmd. line:1: Too many fields\n"),
        ("BEGIN { NF = 1e18 }".to_owned(), "awk: cmd. line:1: Too many fields\n"),
        ("BEGIN { split(\"a\", 1) }".to_owned(), "awk: cmd. line:1: Not an array\n"),
        ("BEGIN {\n\n print \"\\".to_owned(), "awk: cmd. line:3: Unexpected end of string\n"),
        ("\u{feff}é".to_owned(), "awk: cmd. line:1: Unexpected token\n"),
    ];
    for (program, words) in programs {
        let file = applets.work().join("program");
        fs::write(&file, &program).unwrap();
        let output = applets.command("awk").arg("-f").arg(&file).output().unwrap();
        let words = words.replace("cmd. line", file.to_str().unwrap());
        assert_eq!((text(&output.stderr), output.status.code()), (words, Some(1)), "{:.60}", program);
    }
    // What others close: neither a reader that has gone nor a missing input is a fault of the program.
    let script = format!("{0} 'BEGIN {{ while (1) print }}' | head -n 1; {0} 'END {{ print NR }}' <&-", awk.display());
    let (printed, said, ..) = outcome(&awk, &script);
    assert_eq!((printed.lines().next(), said.contains("panicked")), (Some(""), false), "{said}");
}
