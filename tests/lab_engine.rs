//! `dockside test` with the embedded engine: containers, shells inside them, ids that go on, nothing left behind.

use std::path::Path;
use std::process::{Command, Stdio};

struct Run {
    code: i32,
    text: String,
    left: Vec<String>,
}

fn run(files: &[(&str, &str)], arguments: &[&str]) -> Run {
    let folder = tempfile::tempdir().unwrap();
    let temporary = folder.path().join("t");
    std::fs::create_dir(&temporary).unwrap();
    for (name, text) in files {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    // The store is shared with the other tests: what it holds is content by its digest. The tests also run as a user who may
    // not write where they were compiled; then each has its own.
    let shared = Path::new(env!("CARGO_TARGET_TMPDIR")).join("lab-engine-home");
    let writable = std::fs::create_dir_all(&shared).is_ok() && tempfile::tempdir_in(&shared).is_ok();
    let home = if writable { shared } else { folder.path().join("home") };
    let mut command = Command::new(env!("CARGO_BIN_EXE_dockside"));
    command.arg("test").args(arguments).current_dir(folder.path()).stdin(Stdio::null());
    let output = command.env("TMPDIR", &temporary).env("DOCKSIDE_HOME", home).output().unwrap();
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let left = std::fs::read_dir(&temporary).unwrap().flatten().map(|e| e.file_name().to_string_lossy().into_owned()).collect();
    Run { code: output.status.code().unwrap_or(-1), text, left }
}

/// Whether containers can be run here at all: some machines forbid user namespaces.
fn can_run() -> bool {
    let probe = run(&[("probe.md", "    $ docker run --rm busybox true\n")], &["probe.md"]);
    if probe.code != 0 {
        assert!(probe.text.contains("namespace"), "{}", probe.text);
        println!("skipped: no container runs here: {}", probe.text);
    }
    probe.code == 0
}

const IDS: &str = r#"<!-- dockside: images: busybox -->

# Ids

```bash
$ docker run -d --name web busybox sleep 100
47d677dcfba4277c6cc68fcaa51f932b544cab1a187c853b7d0caf4e8debe5ad
$ docker ps
CONTAINER ID  IMAGE    ...  CREATED        STATUS        ...
47d677dcfba4  busybox  ...  2 minutes ago  Up 2 minutes  ...
$ docker run -d busybox sleep 100
068cc994ffd0190bbe025ba74e4c0771a5d8f14734af772ddee8dc1aaf20567d
$ docker ps -q
068cc994ffd0
47d677dcfba4
```

---

# Another slide

```bash
$ docker inspect --format '{{.Name}}' 47d6
/web
$ docker inspect --format '{{.State.Status}}' <yourContainerId>
running
$ docker rm -f 068 47d677dcfba4
068
47d677dcfba4
$ docker ps -a
CONTAINER ID   IMAGE     COMMAND   CREATED   STATUS    PORTS     NAMES
```
"#;

const INSIDE: &str = r#"<!-- dockside: images: ubuntu, alpine -->

# Inside

```bash
$ docker run -it --name inside ubuntu bash
root@04c0bb0a6c07:/#
```

---

# Still inside

```bash
root@04c0bb0a6c07:/# echo hello > /greeting; cat /greeting
hello
root@04c0bb0a6c07:/# cd /tmp
root@04c0bb0a6c07:/tmp# pwd
/tmp
root@04c0bb0a6c07:/tmp# nonsense
bash: nonsense: command not found
root@04c0bb0a6c07:/tmp# exit
exit
```

---

# Outside

```bash
$ docker diff inside | grep greeting
A /greeting
$ docker ps -lq
04c0bb0a6c07
$ docker run -it --rm alpine
/ # echo left open
left open
$ docker ps -q | wc -l
0
```
"#;

#[test]
fn ids_go_on_from_slide_to_slide() {
    if !can_run() {
        return;
    }
    let run = run(&[("deck.md", IDS)], &["deck.md"]);
    assert!(run.code == 0 && run.left.is_empty(), "{}\nleft: {:?}", run.text, run.left);
}

#[test]
fn shells_in_containers_go_on_from_slide_to_slide() {
    if !can_run() {
        return;
    }
    let run = run(&[("deck.md", INSIDE)], &["deck.md"]);
    assert!(run.code == 0 && run.left.is_empty(), "{}\nleft: {:?}", run.text, run.left);
}

#[test]
fn what_a_slide_gets_wrong_about_a_container_is_told() {
    if !can_run() {
        return;
    }
    let wrong = IDS.replace("068cc994ffd0\n47d677dcfba4\n", "47d677dcfba4\n068cc994ffd0\n").replace("\nrunning\n", "\nexited\n");
    let run = run(&[("deck.md", &wrong)], &["deck.md"]);
    assert_eq!(run.code, 50, "{}", run.text);
    for part in ["deck.md:13", "was", "before", "- exited", "+ running", "2 failed"] {
        assert!(run.text.contains(part), "{part:?} in {}", run.text);
    }
}

#[test]
fn chapters_have_engines_of_their_own() {
    if !can_run() {
        return;
    }
    let deck = "<!-- dockside: images: busybox -->\n\n    $ docker run --name same busybox echo one\n    one\n    $ docker ps -aq | wc -l\n    1\n    $ docker pull alpine >/dev/null; docker images -q | wc -l\n    2\n";
    let run = run(&[("a.md", deck), ("b.md", deck), ("c.md", deck)], &["-j", "3", "a.md", "b.md", "c.md"]);
    assert!(run.code == 0 && run.left.is_empty(), "{}\nleft: {:?}", run.text, run.left);
}

#[test]
fn an_endless_container_is_ended() {
    if !can_run() {
        return;
    }
    let deck = "<!-- dockside: images: jpetazzo/clock -->\n\n    $ docker run jpetazzo/clock\n    Fri Feb 20 00:28:53 UTC 2015\n    Fri Feb 20 00:28:54 UTC 2015\n    ^C\n    $ docker run -it --rm busybox sleep 1000\n    $ docker ps -q | wc -l\n    0\n";
    let run = run(&[("deck.md", deck)], &["deck.md", "--timeout", "5"]);
    assert_eq!(run.code, 50, "{}", run.text);
    assert!(
        run.text.contains("✓ deck.md:3") && run.text.contains("✗ deck.md:7") && run.text.contains("did not end within 5 s"),
        "{}",
        run.text
    );
    assert!(run.left.is_empty(), "left: {:?}", run.left);
}

#[test]
fn an_unknown_image_stops_its_chapter_only() {
    let deck = "<!-- dockside: images: nobody/nothing -->\n\n    $ echo a\n    $ echo b\n";
    let run = run(&[("a.md", deck), ("b.md", "    $ echo c\n    c\n")], &["a.md", "b.md"]);
    assert_eq!(run.code, 1, "{}", run.text);
    for part in ["✗ a.md:3", "nobody/nothing", "- a.md:4 echo b (skipped", "✓ b.md:1"] {
        assert!(run.text.contains(part), "{part:?} in {}", run.text);
    }
}
