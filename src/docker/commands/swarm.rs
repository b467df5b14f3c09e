//! Commands over Swarm. This client manages no cluster: each command asks the engine what Docker's client would ask first, and passes on
//! what an engine says that is no manager of one.

use super::shared::together;
use crate::docker::client::Request;
use crate::docker::cmdline::Matches;
use crate::docker::context::Context;
use crate::docker::facts::Facts;
use crate::docker::failure::{Failure, Outcome};
use crate::docker::units::quote;
use crate::docker::{tables, terminal, usage};
use crate::units::go_words;

/// What a command asks first.
struct Question {
    method: &'static str,
    /// The path; `{}` stands for an argument, and the question is put for each.
    path: String,
}

fn question(path: &str) -> Question {
    let (room, verb) = path.split_once(' ').unwrap_or((path, ""));
    let of = |method, path: String| Question { method, path };
    match (room, verb) {
        ("swarm", "init" | "join" | "leave") => of("POST", format!("/swarm/{verb}")),
        ("swarm", "unlock-key") => of("GET", "/swarm/unlockkey".to_owned()),
        ("swarm", _) => of("GET", "/swarm".to_owned()),
        ("stack", "ps") => of("GET", "/tasks".to_owned()),
        ("stack", _) => of("GET", "/services".to_owned()),
        ("service", "ps") => of("GET", "/services".to_owned()),
        (_, "ls") => of("GET", format!("/{room}s")),
        (_, "create") => of("POST", format!("/{room}s/create")),
        ("node", "ps") => of("GET", "/tasks".to_owned()),
        (_, "rm") => of("DELETE", format!("/{room}s/{{}}")),
        _ => of("GET", format!("/{room}s/{{}}")),
    }
}

/// Any command over Swarm.
pub async fn ask(c: &Context, m: &Matches) -> Outcome {
    if m.path == "swarm update" && m.is_bare() {
        // Nothing to change: how it is used is all that there is to say.
        let command = tables::find(&m.path).ok_or_else(|| Failure::new("no such command"))?;
        let columns = terminal::help_columns();
        c.print(usage::command(command, &m.path, columns, &Facts::of(c).await));
        return Ok(0);
    }
    before(c, m).await?;
    let Question { method, path } = question(&m.path);
    let prefix = if m.path == "swarm unlock-key" { "could not fetch unlock key: " } else { "" };
    if m.path.ends_with(" inspect") {
        c.line(if m.given("format") || m.on("pretty") { "" } else { "[]" });
    }
    let path = if m.path == "node ps" && !m.args.is_empty() { "/nodes/{}".to_owned() } else { path };
    let targets: &[String] = if path.contains("{}") { &m.args } else { &[String::new()] };
    let mut failures = Vec::new();
    for target in targets {
        let mut request = Request::new(method, path.replace("{}", target.split('=').next().unwrap_or_default()));
        if method == "POST" {
            request = request.json(&serde_json::json!({}));
        }
        match c.client()?.send(request).await {
            Ok(_) => return Err(beyond(c)),
            Err(failure) if matches!(m.path.as_str(), "node promote" | "node demote") => return Err(failure),
            Err(failure) if m.path == "service scale" => {
                let name = target.split('=').next().unwrap_or_default();
                failures.push(Failure { text: format!("{name}: {}", failure.text), ..failure });
            }
            Err(failure) => failures.push(Failure { text: format!("{prefix}{}", failure.text), ..failure }),
        }
    }
    together(failures)
}

/// What is wrong with a command line before anybody is asked.
async fn before(c: &Context, m: &Matches) -> Result<(), Failure> {
    match m.path.as_str() {
        "swarm join-token" if !matches!(m.args[0].as_str(), "worker" | "manager") => {
            Err(Failure::new(format!("unknown role {}", m.args[0])))
        }
        "swarm unlock" => match c.client()?.send(Request::get("/info")).await?.json().await? {
            info if info["Swarm"]["LocalNodeState"] == "locked" => Err(beyond(c)),
            info if info["Swarm"]["LocalNodeState"] == "inactive" => Err(Failure::new("Error: This node is not part of a swarm")),
            _ => Err(Failure::new("Error: swarm is not locked")),
        },
        "stack config" if m.all("compose-file").next().is_none() => Err(Failure::new("Specify a Compose file (with --compose-file)")),
        "stack config" => Err(Failure::new("this client merges no Compose files for Swarm: use 'docker compose config'")),
        "config create" | "secret create" if m.args[1] != "-" => {
            let file = &m.args[1];
            let content = std::fs::read(file).map(drop);
            let wrong = |e: std::io::Error| format!("error reading from {file}: open {file}: {}", go_words(&e));
            content.map_err(|e| match m.path.as_str() {
                "config create" => Failure::new(format!("Error reading content from {}: {}", quote(file), wrong(e))),
                _ => Failure::new(wrong(e)),
            })
        }
        "stack deploy" => match m.get("compose-file").filter(|file| !file.is_empty()) {
            None => Err(Failure::new("Specify a Compose file (with --compose-file)")),
            Some("-") => Ok(()),
            Some(file) => std::fs::read(file).map(drop).map_err(|e| Failure::new(format!("open {file}: {}", go_words(&e)))),
        },
        "service scale" => match m.args.iter().find(|arg| !arg.contains('=')) {
            Some(arg) => Err(Failure::new(format!(
                "invalid scale specifier '{arg}'.\nSee 'docker service scale --help'.\n\nUsage:  docker service scale SERVICE=REPLICAS \
                 [SERVICE=REPLICAS...]\n\nScale one or multiple replicated services"
            ))),
            None => Ok(()),
        },
        _ => Ok(()),
    }
}

/// The engine manages a cluster, and this client cannot say what it would have to.
fn beyond(c: &Context) -> Failure {
    let host = c.client().map(|client| client.host.text.clone()).unwrap_or_default();
    Failure::new(format!("the engine at {host} is part of a swarm, which this client does not manage: use Docker's own client"))
}
