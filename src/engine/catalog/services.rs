//! Images that do something: hello-world, the clock, the namer, postgres with a server's manners.
//!
//! The server is a shell script over the userland. It starts up, logs, stays and ends on a signal as the real one does;
//! it does not store data.

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
    vec![hello_world(), clock(), namer(), postgres(), ryuk()]
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

const POSTGRES_ENTRY: &str = r#"#!/bin/bash
# Prepares the database on the first start, then hands over to the server.
if [ "$1" = postgres ] && [ ! -s "$PGDATA/PG_VERSION" ]; then
    if [ -z "$POSTGRES_PASSWORD" ] && [ "$POSTGRES_HOST_AUTH_METHOD" != trust ]; then
        echo "Error: Database is uninitialized and superuser password is not specified." >&2
        echo "       Give one with POSTGRES_PASSWORD, for example: docker run -e POSTGRES_PASSWORD=secret postgres" >&2
        exit 1
    fi
    mkdir -p "$PGDATA"
    echo "The files of the database system are going to belong to the user \"postgres\"."
    echo "$PG_MAJOR" > "$PGDATA/PG_VERSION"
    echo "PostgreSQL init process complete; ready for start up."
fi
exec "$@"
"#;

const POSTGRES_SERVER: &str = r#"#!/bin/sh
# Starts up, logs and stays as a PostgreSQL server does. It keeps no data.
say() { echo "$(date -u '+%Y-%m-%d %H:%M:%S.000 UTC') [$$] LOG:  $1" >&2; }
case "$1" in
--version | -V)
    echo "postgres (PostgreSQL) $PG_VERSION (teaching image)"
    exit 0
    ;;
esac
stop() {
    say "received fast shutdown request"
    say "database system is shut down"
    exit 0
}
trap stop TERM INT
say "starting PostgreSQL $PG_VERSION (teaching image)"
say "listening on IPv4 address \"0.0.0.0\", port 5432"
say "database system is ready to accept connections"
while :; do
    sleep 86400 &
    wait
done
"#;

fn postgres() -> Repository {
    let mut files = tree(&["docker-entrypoint-initdb.d", "var/lib/postgresql", "var/lib/postgresql/data"]);
    files.extend([
        file("etc/passwd", format!("{}postgres:x:999:999::/var/lib/postgresql:/bin/bash\n", data::PASSWD)),
        file("etc/group", format!("{}postgres:x:999:\n", data::GROUP)),
        script("usr/local/bin/docker-entrypoint.sh", POSTGRES_ENTRY),
        script("usr/local/bin/postgres", POSTGRES_SERVER),
    ]);
    let env = [data::PATH, "LANG=C.UTF-8", "PG_MAJOR=17", "PG_VERSION=17.5", "PGDATA=/var/lib/postgresql/data"];
    let image = Description {
        created: "2025-05-31T02:07:22Z",
        author: None,
        platforms: EVERYWHERE,
        config: json!({
            "ExposedPorts": { "5432/tcp": {} },
            "Env": env,
            "Cmd": ["postgres"],
            "Volumes": { "/var/lib/postgresql/data": {} },
            "Entrypoint": ["docker-entrypoint.sh"],
            "StopSignal": "SIGINT",
        }),
        steps: vec![
            base(),
            add("6c8b9dae0f1a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d5e6f708192a3b4", Content::Files(server_system())),
            nop("ENV LANG=C.UTF-8"),
            nop("ENV PG_MAJOR=17 PG_VERSION=17.5"),
            run("install-postgres \"$PG_VERSION\"", files),
            nop("ENV PGDATA=/var/lib/postgresql/data"),
            nop("VOLUME [/var/lib/postgresql/data]"),
            nop("ENTRYPOINT [\"docker-entrypoint.sh\"]"),
            nop("STOPSIGNAL SIGINT"),
            nop("EXPOSE 5432"),
            nop("CMD [\"postgres\"]"),
        ],
    };
    Repository { name: "library/postgres", images: vec![(&["latest", "17", "17.5", "bookworm"], image)] }
}
