//! Containers over Docker's API, driven by the real `docker` client: the recorded transcripts, and what they do not show.
//! Skips with a message where the client, the corpus or busybox is missing.

#[path = "engine/networks.rs"]
mod networks;
#[path = "engine/support.rs"]
mod support;
#[path = "engine/transcripts.rs"]
mod transcripts;

use support::{Engine, User};

/// Transcripts about containers and networks that need neither a registry, nor a build, nor a cgroup; in the order in which they were
/// recorded.
const REPLAYED: &[&str] = &[
    "run-echo",
    "run-exit-code",
    "run-stderr",
    "run-stdin",
    "run-tty",
    "run-env-workdir-user-host",
    "run-caps",
    "run-cap-drop",
    "run-read-only",
    "run-tmpfs",
    "run-bind",
    "run-init",
    "run-network-none",
    "run-network-host",
    "run-hosts-resolv",
    "run-ps-pid1",
    "run-dev-ls",
    "run-ulimit",
    "run-d",
    "ps-filter-label",
    "logs",
    "logs-timestamps",
    "port",
    "diff",
    "exec",
    "exec-exit",
    "exec-env-user",
    "exec-tty",
    "exec-d",
    "err-exec-notfound",
    "cp-out",
    "cp-out-file",
    "cp-in",
    "err-cp-nosuch",
    "commit",
    "history-commit",
    "run-commit",
    "inspect-format",
    "export",
    "pause",
    "rename",
    "err-rm-running",
    "stop",
    "start",
    "restart",
    "kill",
    "kill-sig-exitcode",
    "err-kill-stopped",
    "err-exec-stopped",
    "logs-stopped",
    "wait",
    "rm",
    "err-logs-gone",
    "err-port-in-use",
    "err-name-conflict",
    "err-no-such-object",
    "err-no-such-container",
    "err-cmd-not-found",
    "err-cmd-not-exec",
    "err-bad-workdir-rel",
    "err-bad-volume",
    "err-bad-mount-src",
    "err-bad-port",
    "err-bad-env-user",
    "err-bad-network",
    "err-bad-mem",
    "err-unknown-flag",
    "err-no-args",
    "err-bad-name",
    "err-cp-nocontainer",
    "err-commit-missing",
    "err-exec-missing",
    "err-attach-stopped",
    "err-pause-stopped",
    "err-ambiguous-prefix",
    "err-network-missing",
    "err-network-inuse",
    "network-ls",
    "network-create",
    "network-inspect",
    "network-dns",
    "network-connect",
    "network-cleanup",
    "events",
    "attach-sigproxy",
    "logs-follow",
    "run-cidfile",
    "run-signal",
    "run-stop-137",
    "run-init-signal",
    "run-ipc-shm",
    "run-volumes-from",
    "run-security-nnp",
    "run-env-file",
    "top",
    "run-device",
    "err-container-name-inuse-rename",
    "err-ambiguous-id",
    "run-rm-detached",
    "run-workdir-create",
    "run-entrypoint-empty",
    "create-output",
];

#[test]
fn recorded_sessions_replay_as_root() {
    replay(User::Root);
}

#[test]
fn recorded_sessions_replay_as_an_ordinary_user() {
    replay(User::Ordinary);
}

fn replay(user: User) {
    let Some(corpus) = transcripts::Corpus::find() else { return };
    let Some(engine) = Engine::with_busybox(user) else { return };
    let mut failures = Vec::new();
    let mut count = 0;
    for name in REPLAYED {
        let Some(transcript) = corpus.get(name) else {
            // Recorded but kept apart: what it leaves behind is needed all the same.
            corpus.command(name).map(|line| engine.sh(line));
            continue;
        };
        count += 1;
        let run = engine.sh(&transcript.command);
        if let Some(difference) = transcript.difference(&run, user) {
            failures.push(format!("== {name}\n{difference}"));
        }
    }
    eprintln!("{count} transcripts replayed, {} differ", failures.len());
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}
