//! The image redis in its versions: a server that keeps data, with its client. Both are in the program itself (`userland/redis`), which
//! learns from the image's environment which version it is.

use serde_json::json;

use super::{
    Repository, data,
    distributions::{add, alpine_system, base, file, nop},
    image::{Content, Description, EVERYWHERE, Step},
    layer::Entry,
    services::server_system,
};

/// The number of the user redis, as the official image has it.
const REDIS: u64 = 999;

const ENTRY: &str = r#"#!/bin/sh
# A first argument that is an option or a configuration file is meant for the server.
case "$1" in
-* | *.conf) set -- redis-server "$@" ;;
esac
# The server needs no root. Where there is no other user (an engine of somebody who has one id), it stays what it is.
if [ "$1" = redis-server ] && [ "$(id -u)" = 0 ] && gosu redis true 2>/dev/null; then
    chown -R 999:999 .
    exec gosu redis "$0" "$@"
fi
exec "$@"
"#;

/// A version, when its image was made, and the tags that mean it, without and with the distribution in them.
struct Version {
    number: &'static str,
    created: &'static str,
    debian: &'static [&'static str],
    alpine: &'static [&'static str],
}

const VERSIONS: &[Version] = &[
    Version {
        number: "8.0.2",
        created: "2025-06-01T07:31:52Z",
        debian: &["latest", "8", "8.0", "8.0.2", "bookworm", "8-bookworm", "8.0-bookworm", "8.0.2-bookworm"],
        alpine: &["alpine", "8-alpine", "8.0-alpine", "8.0.2-alpine", "alpine3.21", "8-alpine3.21"],
    },
    Version {
        number: "7.4.4",
        created: "2025-05-27T18:46:51Z",
        debian: &["7", "7.4", "7.4.4", "7-bookworm", "7.4-bookworm", "7.4.4-bookworm"],
        alpine: &["7-alpine", "7.4-alpine", "7.4.4-alpine", "7-alpine3.21"],
    },
    Version {
        number: "7.2.9",
        created: "2025-05-27T18:46:12Z",
        debian: &["7.2", "7.2.9", "7.2-bookworm", "7.2.9-bookworm"],
        alpine: &["7.2-alpine", "7.2.9-alpine"],
    },
    Version {
        number: "7.0.15",
        created: "2024-01-09T21:55:11Z",
        debian: &["7.0", "7.0.15", "7.0-bookworm", "7.0.15-bookworm"],
        alpine: &["7.0-alpine", "7.0.15-alpine"],
    },
    Version {
        number: "6.2.18",
        created: "2025-05-27T18:45:40Z",
        debian: &["6", "6.2", "6.2.18", "6-bookworm", "6.2-bookworm", "6.2.18-bookworm"],
        alpine: &["6-alpine", "6.2-alpine", "6.2.18-alpine"],
    },
    Version { number: "6.0.20", created: "2023-07-28T02:11:40Z", debian: &["6.0", "6.0.20"], alpine: &["6.0-alpine", "6.0.20-alpine"] },
    Version {
        number: "5.0.14",
        created: "2022-02-28T19:31:05Z",
        debian: &["5", "5.0", "5.0.14"],
        alpine: &["5-alpine", "5.0-alpine", "5.0.14-alpine"],
    },
    Version {
        number: "4.0.14",
        created: "2020-05-01T02:58:37Z",
        debian: &["4", "4.0", "4.0.14"],
        alpine: &["4-alpine", "4.0-alpine", "4.0.14-alpine"],
    },
    Version {
        number: "3.2.12",
        created: "2018-06-28T16:13:20Z",
        debian: &["3", "3.2", "3.2.12"],
        alpine: &["3-alpine", "3.2-alpine", "3.2.12-alpine"],
    },
    Version { number: "3.0.7", created: "2017-01-24T23:48:11Z", debian: &["3.0", "3.0.7"], alpine: &["3.0-alpine", "3.0.7-alpine"] },
    Version { number: "2.8.23", created: "2016-03-16T22:07:47Z", debian: &["2", "2.8", "2.8.23"], alpine: &[] },
];

fn image(version: &Version, alpine: bool) -> Description {
    let number = version.number;
    let said = format!("REDIS_VERSION={number}");
    let (passwd, group) = if alpine { (data::ALPINE_PASSWD, data::ALPINE_GROUP) } else { (data::PASSWD, data::GROUP) };
    let mut files = vec![Entry::OwnDir("data", 0o755, REDIS)];
    files.extend([
        file("etc/passwd", format!("{passwd}redis:x:999:999::/home/redis:/bin/sh\n")),
        file("etc/group", format!("{group}redis:x:999:\n")),
        Entry::File("usr/local/bin/docker-entrypoint.sh", 0o755, ENTRY.as_bytes().to_vec()),
        Entry::Link("usr/local/bin/redis-server".into(), "../../../bin/busybox"),
        Entry::Link("usr/local/bin/redis-cli".into(), "../../../bin/busybox"),
        Entry::Link("usr/local/bin/gosu".into(), "../../../bin/busybox"),
    ]);
    let (system, hash) = if alpine {
        (alpine_system("3.21.3"), "7d9caebf102b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d5e6f708192a3b4c5")
    } else {
        (server_system(), "6c8b9dae0f1a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d5e6f708192a3b4")
    };
    Description {
        created: version.created,
        author: None,
        platforms: EVERYWHERE,
        config: json!({
            "ExposedPorts": { "6379/tcp": {} },
            "Env": [data::PATH, "GOSU_VERSION=1.17", said],
            "Cmd": ["redis-server"],
            "Volumes": { "/data": {} },
            "WorkingDir": "/data",
            "Entrypoint": ["docker-entrypoint.sh"],
        }),
        steps: vec![
            base(),
            add(hash, Content::Files(system)),
            nop("ENV GOSU_VERSION=1.17"),
            nop(&format!("ENV {said}")),
            Step { created_by: "/bin/sh -c install-redis \"$REDIS_VERSION\" && mkdir /data".into(), content: Content::Files(files) },
            nop("VOLUME [/data]"),
            nop("WORKDIR /data"),
            nop("ENTRYPOINT [\"docker-entrypoint.sh\"]"),
            nop("EXPOSE 6379"),
            nop("CMD [\"redis-server\"]"),
        ],
    }
}

/// The repository.
pub fn repository() -> Repository {
    let both = VERSIONS.iter().flat_map(|version| [(version.debian, version, false), (version.alpine, version, true)]);
    let images = both.filter(|(tags, ..)| !tags.is_empty()).map(|(tags, version, alpine)| (tags, image(version, alpine)));
    Repository { name: "library/redis", images: images.collect() }
}
