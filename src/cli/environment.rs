//! The environment variables that Dockside reads, for `--help`. README has the same list; a test holds the two and the code together.

use std::fmt::Write;

/// A name, and what it does.
pub type Variable = (&'static str, &'static str);

/// What the engine reads, and whoever looks for it.
pub const ENGINE: &[Variable] = &[
    ("DOCKSIDE_HOME", "Dockside's folder: images, containers, classes [default: $XDG_DATA_HOME/dockside, else ~/.local/share/dockside]"),
    ("DOCKSIDE_BUILD_CACHE", "as much as builds may keep, such as 10GB; `--build-cache` goes before it"),
    ("XDG_RUNTIME_DIR", "has the socket, dockside/engine.sock; without it the socket is engine.sock in Dockside's folder"),
    ("SSL_CERT_FILE", "whom to trust in HTTPS instead of the machine's certificates"),
    ("BUILDKIT_STEP_LOG_MAX_SIZE", "bytes of a build step's output that are kept; -1 for all"),
    ("BUILDKIT_STEP_LOG_MAX_SPEED", "the same for a second's output"),
];

/// What the other commands read. `dockside docker` reads what Docker's client reads, too.
pub const OTHERS: &[Variable] = &[
    ("DOCKER_HOST", "the engine of `dockside docker` and of `dockside test --engine docker`"),
    ("NO_COLOR", "set to anything: no colours"),
    ("TMPDIR", "where `dockside test` has the folders of its chapters, and Chromium its profile [default: /tmp]"),
];

/// The variables as a part of a command's `--help`.
pub fn help(variables: &[Variable]) -> String {
    variables.iter().fold("Environment:".to_owned(), |mut text, (name, meaning)| {
        // Writing to a string cannot fail.
        let _ = write!(text, "\n  {name}\n          {meaning}");
        text
    })
}
