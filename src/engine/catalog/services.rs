//! Images that do one thing: hello-world, the clock, the namer, the reaper of Testcontainers; and the files that the images of servers
//! (nginx, redis, registry) stand on.

use serde_json::json;

use super::{
    Repository, data,
    distributions::{add, base, file, nop, tree},
    hello,
    image::{Content, Description, EVERYWHERE, Step},
    layer::Entry,
};

/// The repositories of this page.
pub fn repositories() -> Vec<Repository> {
    vec![hello_world(), clock(), namer(), ryuk()]
}

fn run(command: &str, files: Vec<Entry>) -> Step {
    Step { created_by: format!("/bin/sh -c {command}"), content: Content::Files(files) }
}

fn script(path: &'static str, text: &str) -> Entry {
    Entry::File(path, 0o755, text.as_bytes().to_vec())
}

fn hello_world() -> Repository {
    let image = Description {
        created: "2025-05-02T15:44:02Z",
        author: None,
        platforms: EVERYWHERE,
        config: json!({ "Env": [data::PATH], "Cmd": ["/hello"], "WorkingDir": "/" }),
        steps: vec![
            Step { created_by: "COPY hello / # buildkit".into(), content: Content::Native("hello", hello::program) },
            Step { created_by: "CMD [\"/hello\"]".into(), content: Content::Nothing },
        ],
    };
    Repository { name: "library/hello-world", images: vec![(&["latest", "linux"], image)] }
}

fn clock() -> Repository {
    let image = Description {
        created: "2024-06-08T09:26:49Z",
        author: Some("Jérôme Petazzoni <jerome@docker.com>"),
        platforms: &[],
        config: json!({ "Env": [data::PATH], "Cmd": ["/bin/sh", "-c", "while date; do sleep 1; done"] }),
        steps: vec![base(), nop("CMD [\"/bin/sh\" \"-c\" \"while date; do sleep 1; done\"]")],
    };
    Repository { name: "jpetazzo/clock", images: vec![(&["latest"], image)] }
}

const NAMER: &str = r#"#!/bin/sh
# Makes up the name of a company, one a second, or one only with "once".
dir=$(dirname "$0")
pick() {
    count=$(wc -l < "$dir/words/$1")
    seed=$(od_random)
    sed -n "$((seed % count + 1))p" "$dir/words/$1"
}
od_random() {
    head -c 4 /dev/urandom | sha256sum | cut -c 1-6 | tr abcdef 123456
}
trap 'exit 0' TERM INT
while :; do
    echo "$(pick first) $(pick second) $(pick kind)"
    [ "$1" = once ] && exit 0
    sleep 1
done
"#;

fn namer() -> Repository {
    let words: Vec<Entry> = tree(&["src", "src/words"])
        .into_iter()
        .chain([
            file("src/words/first", "Blue\nNorthern\nQuiet\nRapid\nGolden\nHonest\nUpper\nSilver\nEarly\nSecond\n".into()),
            file("src/words/second", "Anchor\nHarbour\nLantern\nRiver\nBridge\nMeadow\nCompass\nOrchard\nWhale\nTimber\n".into()),
            file("src/words/kind", "Ltd.\nInc.\nand Sons\nBrothers\nWorks\nLabs\nCo-operative\n".into()),
        ])
        .collect();
    let image = Description {
        created: "2024-09-03T17:55:35Z",
        author: Some("Education Team <education@docker.com>"),
        platforms: &[],
        config: json!({
            "Env": [data::PATH],
            "Cmd": ["sh", "company_name_generator.sh"],
            "WorkingDir": "/src",
        }),
        steps: vec![
            base(),
            add("5b7a8c9d0e1f2a3b4c5d6e7f8091a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3", Content::Files(namer_system())),
            nop("MAINTAINER Education Team <education@docker.com>"),
            run("mkdir -p /src/words && fetch-words first second kind", words),
            Step {
                created_by: "/bin/sh -c #(nop) COPY file:9c1d2e3f4a5b6c7d8e9f0a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f in /src/company_name_generator.sh ".into(),
                content: Content::Files(vec![script("src/company_name_generator.sh", NAMER)]),
            },
            nop("WORKDIR /src"),
            nop("CMD [\"sh\" \"company_name_generator.sh\"]"),
        ],
    };
    Repository { name: "training/namer", images: vec![(&["latest"], image)] }
}

fn namer_system() -> Vec<Entry> {
    let mut files = vec![Entry::Link("bin/bash".into(), "busybox")];
    files.extend(tree(&["opt", "run", "srv", "var/lib"]));
    files.push(file("etc/os-release", "NAME=\"Namer\"\nID=namer\nPRETTY_NAME=\"The namer's own small system\"\n".into()));
    files
}

/// What Testcontainers starts beside the containers of a test run, to take them away after it.
fn ryuk() -> Repository {
    let image = Description {
        created: "2024-06-10T12:00:00Z",
        author: None,
        platforms: EVERYWHERE,
        config: json!({ "Env": [data::PATH], "Cmd": ["/bin/ryuk"], "Labels": { "org.testcontainers.ryuk": "true" } }),
        steps: vec![
            base(),
            Step {
                created_by: "COPY ryuk /bin/ryuk # buildkit".into(),
                content: Content::Files(vec![Entry::Link("bin/ryuk".into(), "busybox")]),
            },
            nop("LABEL org.testcontainers.ryuk=true"),
            nop("CMD [\"/bin/ryuk\"]"),
        ],
    };
    // The libraries name their own version each.
    let tags = &[
        "latest", "0.3.4", "0.4.0", "0.5.1", "0.6.0", "0.7.0", "0.8.1", "0.9.0", "0.10.0", "0.10.1", "0.10.2", "0.11.0", "0.12.0",
        "0.13.0", "0.14.0",
    ];
    Repository { name: "testcontainers/ryuk", images: vec![(tags, image)] }
}

/// What the servers stand on.
pub fn server_system() -> Vec<Entry> {
    let mut files = vec![Entry::Link("bin/bash".into(), "busybox")];
    files.extend(tree(&["opt", "run", "sbin", "srv", "usr/lib", "usr/local", "usr/local/bin", "var/lib", "var/log"]));
    files.extend([
        file(
            "etc/os-release",
            "PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nNAME=\"Debian GNU/Linux\"\nVERSION_ID=\"12\"\nID=debian\n".into(),
        ),
        file("etc/debian_version", "12.11\n".into()),
        file("etc/bash.bashrc", "[ -z \"$PS1\" ] && return\nPS1='${debian_chroot:+($debian_chroot)}\\u@\\h:\\w\\$ '\n".into()),
    ]);
    files
}
