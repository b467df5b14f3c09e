//! The image nginx: shows the files of `/usr/share/nginx/html`, with nginx's settings, log and manners as far as a lesson about images
//! and containers sees them. It is no proxy and runs nothing.

use serde_json::json;

use super::{
    Repository, data,
    distributions::{add, base, file, nop, tree},
    image::{Content, Description, EVERYWHERE, Step},
    layer::Entry,
};

const VERSION: &str = "1.27.5";

const ENTRY: &str = r#"#!/bin/sh
# Runs what a course put into /docker-entrypoint.d before the server starts.
set -e
me=/docker-entrypoint.sh
if [ "$1" = nginx ] && [ -z "$NGINX_ENTRYPOINT_QUIET_LOGS" ]; then say() { echo "$me: $*"; }; else say() { :; }; fi
if [ "$1" = nginx ]; then
    for part in /docker-entrypoint.d/*.sh; do
        [ -x "$part" ] || continue
        say "Launching $part"
        "$part"
    done
    say "Configuration complete; ready for start up"
fi
exec "$@"
"#;

const SERVER: &str = r#"#!/bin/sh
# Shows files as nginx does, by the `listen` and `root` of its first site. Nothing else of its settings is obeyed.
conf=/etc/nginx/nginx.conf
site=/etc/nginx/conf.d/default.conf
error() { echo "$(date '+%Y/%m/%d %H:%M:%S') [emerg] $$#$$: $1" >&2; }
setting() { sed -n "s/^[[:space:]]*$1[[:space:]][[:space:]]*\([^;]*\);.*/\1/p" "$site" 2>/dev/null | head -n 1; }
check() {
    [ -f "$conf" ] || { error "open() \"$conf\" failed (2: No such file or directory)"; return 1; }
    [ ! -f "$site" ] || [ "$(grep -c '{' "$site")" = "$(grep -c '}' "$site")" ] || { error "unexpected end of file, expecting \"}\" in $site"; return 1; }
}
while [ $# -gt 0 ]; do
    case "$1" in
    -v | -V) echo "nginx version: nginx/$NGINX_VERSION" >&2; exit 0 ;;
    -t)
        check || { echo "nginx: configuration file $conf test failed" >&2; exit 1; }
        echo "nginx: the configuration file $conf syntax is ok" >&2
        echo "nginx: configuration file $conf test is successful" >&2
        exit 0
        ;;
    -s)
        case "$2" in
        reload | reopen) kill -HUP 1 ;;
        quit) kill -QUIT 1 ;;
        stop) kill -TERM 1 ;;
        *) echo "nginx: invalid option: \"-s $2\"" >&2; exit 1 ;;
        esac
        exit 0
        ;;
    -c) conf=$2; shift ;;
    -g) shift ;;
    *) echo "nginx: invalid option: \"$1\"" >&2; exit 1 ;;
    esac
    shift
done
check || exit 1
listen=$(setting listen | sed 's/[[:space:]].*//')
root=$(setting root)
exec httpd -f -l "nginx/$NGINX_VERSION" -p "${listen:-80}" -h "${root:-/usr/share/nginx/html}"
"#;

const CONF: &str = "user  nginx;\nworker_processes  auto;\n\nevents {\n    worker_connections  1024;\n}\n\nhttp {\n    include /etc/nginx/conf.d/*.conf;\n}\n";

const SITE: &str = "server {\n    listen       80;\n    server_name  localhost;\n\n    location / {\n        root   /usr/share/nginx/html;\n        index  index.html;\n    }\n}\n";

const INDEX: &str = "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>Welcome to nginx!</title>\n</head>\n<body>\n\
                     <h1>Welcome to nginx!</h1>\n<p>This page comes out of a container: its server runs, and you have reached it.</p>\n</body>\n</html>\n";

const ERROR: &str = "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>Error</title>\n</head>\n<body>\n\
                     <h1>Something went wrong.</h1>\n</body>\n</html>\n";

/// The repository `nginx`, on Debian and on Alpine.
pub fn repository() -> Repository {
    let debian = image(
        "3d2c1b0a9f8e7d6c5b4a39281706f5e4d3c2b1a09f8e7d6c5b4a39281706f5e4",
        super::services::server_system(),
        data::PASSWD,
        data::GROUP,
    );
    let alpine = image(
        "4e3d2c1b0a9f8e7d6c5b4a39281706f5e4d3c2b1a09f8e7d6c5b4a39281706f5",
        super::distributions::alpine_system("3.21.3"),
        data::ALPINE_PASSWD,
        data::ALPINE_GROUP,
    );
    Repository {
        name: "library/nginx",
        images: vec![
            (&["latest", "1", "1.27", "1.27.5", "mainline", "stable", "bookworm"], debian),
            (&["alpine", "1-alpine", "1.27-alpine", "1.27.5-alpine", "mainline-alpine", "stable-alpine"], alpine),
        ],
    }
}

fn image(hash: &str, mut system: Vec<Entry>, passwd: &str, group: &str) -> Description {
    let script = |path: &'static str, text: &str| Entry::File(path, 0o755, text.as_bytes().to_vec());
    system.extend(tree(&[
        "docker-entrypoint.d",
        "etc/nginx",
        "etc/nginx/conf.d",
        "usr/share",
        "usr/share/nginx",
        "usr/share/nginx/html",
        "var/cache/nginx",
    ]));
    let files = vec![
        file("etc/passwd", format!("{passwd}nginx:x:101:101:nginx user:/nonexistent:/bin/false\n")),
        file("etc/group", format!("{group}nginx:x:101:\n")),
        file("etc/nginx/nginx.conf", CONF.into()),
        file("etc/nginx/conf.d/default.conf", SITE.into()),
        file("usr/share/nginx/html/index.html", INDEX.into()),
        file("usr/share/nginx/html/50x.html", ERROR.into()),
        script("docker-entrypoint.sh", ENTRY),
        script("usr/sbin/nginx", SERVER),
    ];
    let version = format!("NGINX_VERSION={VERSION}");
    Description {
        created: "2025-04-16T14:50:31Z",
        author: None,
        platforms: EVERYWHERE,
        config: json!({
            "ExposedPorts": { "80/tcp": {} },
            "Env": [data::PATH, version],
            "Entrypoint": ["/docker-entrypoint.sh"],
            "Cmd": ["nginx", "-g", "daemon off;"],
            "StopSignal": "SIGQUIT",
        }),
        steps: vec![
            base(),
            add(hash, Content::Files(system)),
            nop(&format!("ENV {version}")),
            Step { created_by: "/bin/sh -c install-nginx \"$NGINX_VERSION\"".into(), content: Content::Files(files) },
            nop("ENTRYPOINT [\"/docker-entrypoint.sh\"]"),
            nop("EXPOSE 80"),
            nop("STOPSIGNAL SIGQUIT"),
            nop("CMD [\"nginx\" \"-g\" \"daemon off;\"]"),
        ],
    }
}
