//! Scripts that complete command lines. Data alone: names, usage, flags and which function answers.

use super::{Args, Command, Flag, Kind};
use crate::docker::commands::completion;

const FLAGS: &[&[Flag]] = &[&[Flag::new(Kind::Bool, "no-descriptions", "disable completion descriptions")]];

/// A command whose script `about` describes.
const fn script(names: &'static [&'static str], usage: &'static [&'static str], about: &'static str) -> Command {
    Command {
        names,
        usage,
        about,
        aliases: "",
        args: Args::Any,
        interspersed: true,
        flags: FLAGS,
        run: |c, m| Box::pin(completion::script(c, m)),
    }
}

/// The commands.
pub const COMMANDS: &[Command] = &[
    script(
        &["completion bash"],
        &[""],
        "Generate the autocompletion script for bash\n\nIt needs bash 4.4 or newer and no package.\n\nIn the shell that runs:\n\n\tsource <(docker completion bash)\n\nIn every new one, where bash-completion is installed:\n\n\tdocker completion bash > ~/.local/share/bash-completion/completions/docker\n\nand where it is not:\n\n\techo 'source <(docker completion bash)' >> ~/.bashrc",
    ),
    script(
        &["completion fish"],
        &["[flags]"],
        "Generate the autocompletion script for fish\n\nIn the shell that runs:\n\n\tdocker completion fish | source\n\nIn every new one:\n\n\tdocker completion fish > ~/.config/fish/completions/docker.fish",
    ),
    script(
        &["completion powershell"],
        &["[flags]"],
        "Generate the autocompletion script for powershell\n\nIn the shell that runs:\n\n\tdocker completion powershell | Out-String | Invoke-Expression\n\nIn every new one, add that line to your profile.",
    ),
    script(
        &["completion zsh"],
        &["[flags]"],
        "Generate the autocompletion script for zsh\n\nIt needs compinit, once in ~/.zshrc:\n\n\tautoload -U compinit; compinit\n\nIn the shell that runs:\n\n\tsource <(docker completion zsh)\n\nIn every new one:\n\n\tdocker completion zsh > \"${fpath[1]}/_docker\"",
    ),
];
