//! The scripts for shells, each of which asks `docker` what may come next.

use super::{ASK, ASK_FOR_NAMES};

const BASH: &str = include_str!("docker.bash");
const ZSH: &str = include_str!("docker.zsh");
const FISH: &str = include_str!("docker.fish");
const POWERSHELL: &str = include_str!("docker.ps1");

/// The script for `shell`; empty for one that nobody knows.
pub fn script(shell: &str, descriptions: bool) -> String {
    let script = match shell {
        "bash" => BASH,
        "zsh" => ZSH,
        "fish" => FISH,
        "powershell" => POWERSHELL,
        _ => "",
    };
    script.replace("@ASK@", if descriptions { ASK } else { ASK_FOR_NAMES })
}
