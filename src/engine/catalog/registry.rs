//! `registry`: where images are pushed to and pulled from, as an image itself. The server is an applet of the userland that no other
//! image has.

use serde_json::json;

use super::{
    Repository, data,
    distributions::{alpine_system, base, file, nop, tree},
    image::{Content, Description, EVERYWHERE, Step},
    layer::Entry,
};

const CONFIGURATION: &str = "version: 0.1
log:
  fields:
    service: registry
storage:
  cache:
    blobdescriptor: inmemory
  filesystem:
    rootdirectory: /var/lib/registry
http:
  addr: :5000
  headers:
    X-Content-Type-Options: [nosniff]
health:
  storagedriver:
    enabled: true
    interval: 10s
    threshold: 3
";

const ENTRY: &str = r#"#!/bin/sh
# A first argument that is a file of settings, a command of the registry or an option is meant for the registry.
case "$1" in
*.yml | *.yaml) set -- registry serve "$@" ;;
serve | garbage-collect | help | -*) set -- registry "$@" ;;
esac
exec "$@"
"#;

/// The repository.
pub fn repository() -> Repository {
    let second = image(
        "2023-10-02T18:42:24Z",
        "etc/docker/registry/config.yml",
        &["etc/docker", "etc/docker/registry"],
        "/etc/docker/registry/config.yml",
    );
    let third = image("2025-04-08T15:41:37Z", "etc/distribution/config.yml", &["etc/distribution"], "/etc/distribution/config.yml");
    let images: Vec<(&[&str], Description)> =
        vec![(&["2", "2.7", "2.7.1", "2.8", "2.8.1", "2.8.2", "2.8.3"], second), (&["latest", "3", "3.0", "3.0.0"], third)];
    Repository { name: "library/registry", images }
}

/// The same registry with its settings where a version has them.
fn image(created: &'static str, settings: &'static str, folders: &[&'static str], command: &'static str) -> Description {
    let mut files = tree(folders);
    files.extend([
        Entry::Link("bin/registry".into(), "busybox"),
        file(settings, CONFIGURATION.to_owned()),
        Entry::File("entrypoint.sh", 0o755, ENTRY.as_bytes().to_vec()),
    ]);
    files.extend(tree(&["var/lib/registry"]));
    Description {
        created,
        author: None,
        platforms: EVERYWHERE,
        config: json!({
            "ExposedPorts": { "5000/tcp": {} },
            "Env": [data::PATH],
            "Cmd": [command],
            "Volumes": { "/var/lib/registry": {} },
            "WorkingDir": "/",
            "Entrypoint": ["/entrypoint.sh"],
        }),
        steps: vec![
            base(),
            Step {
                created_by: "/bin/sh -c #(nop) ADD file:7f1f4d3c2b1a09e8d7c6b5a49382716050f1e2d3c4b5a69788796a5b4c3d2e1f in / ".into(),
                content: Content::Files(alpine_system("3.18.4")),
            },
            Step { created_by: "COPY registry config.yml entrypoint.sh / # buildkit".into(), content: Content::Files(files) },
            nop("VOLUME [/var/lib/registry]"),
            nop("EXPOSE 5000"),
            nop("ENTRYPOINT [\"/entrypoint.sh\"]"),
            nop(&format!("CMD [\"{command}\"]")),
        ],
    }
}
