//! Commands over manifests. Data alone: names, usage, flags and which function answers.

use super::{Args, Command, Flag, Kind};
use crate::docker::commands::manifest;

/// What a command is for, and that Docker tries it out.
macro_rules! about {
    ($name:literal, $about:literal) => {
        concat!(
            $about,
            "\n\nEXPERIMENTAL:\n  docker manifest ",
            $name,
            " is an experimental feature.\n  Experimental features provide early access to product functionality. These\n  features may change between releases without warning, or can be removed from a\n  future release. Learn more about experimental features in our documentation:\n  https://docs.docker.com/go/experimental/"
        )
    };
}

const INSECURE: Flag = Flag::new(Kind::Bool, "insecure", "Allow communication with an insecure registry");

/// The commands.
pub const COMMANDS: &[Command] = &[
    Command {
        names: &["manifest annotate"],
        usage: &["[OPTIONS] MANIFEST_LIST MANIFEST"],
        about: about!("annotate", "Add additional information to a local image manifest"),
        aliases: "",
        args: Args::Exact(2),
        interspersed: true,
        flags: &[&[
            Flag::new(Kind::Text, "arch", "Set architecture"),
            Flag::new(Kind::Text, "os", "Set operating system"),
            Flag::new(Kind::Strings, "os-features", "Set operating system feature"),
            Flag::new(Kind::Text, "os-version", "Set operating system version"),
            Flag::new(Kind::Text, "variant", "Set architecture variant"),
        ]],
        run: |c, m| Box::pin(manifest::annotate(c, m)),
    },
    Command {
        names: &["manifest create"],
        usage: &["MANIFEST_LIST MANIFEST [MANIFEST...]"],
        about: about!("create", "Create a local manifest list for annotating and pushing to a registry"),
        aliases: "",
        args: Args::AtLeast(2),
        interspersed: true,
        flags: &[&[Flag::new(Kind::Bool, "amend", "Amend an existing manifest list").short('a'), INSECURE]],
        run: |c, m| Box::pin(manifest::create(c, m)),
    },
    Command {
        names: &["manifest inspect"],
        usage: &["[OPTIONS] [MANIFEST_LIST] MANIFEST"],
        about: about!("inspect", "Display an image manifest, or manifest list"),
        aliases: "",
        args: Args::Range(1, 2),
        interspersed: true,
        flags: &[&[INSECURE, Flag::new(Kind::Bool, "verbose", "Output additional info including layers and platform").short('v')]],
        run: |c, m| Box::pin(manifest::inspect(c, m)),
    },
    Command {
        names: &["manifest push"],
        usage: &["[OPTIONS] MANIFEST_LIST"],
        about: about!("push", "Push a manifest list to a repository"),
        aliases: "",
        args: Args::Exact(1),
        interspersed: true,
        flags: &[&[
            Flag::new(Kind::Bool, "insecure", "Allow push to an insecure registry"),
            Flag::new(Kind::Bool, "purge", "Remove the local manifest list after push").short('p'),
        ]],
        run: |c, m| Box::pin(manifest::push(c, m)),
    },
    Command {
        names: &["manifest rm"],
        usage: &["MANIFEST_LIST [MANIFEST_LIST...]"],
        about: about!("rm", "Delete one or more manifest lists from local storage"),
        aliases: "",
        args: Args::AtLeast(1),
        interspersed: true,
        flags: &[&[]],
        run: |c, m| Box::pin(manifest::remove(c, m)),
    },
];
