//! `docker completion SHELL`.

use crate::docker::cmdline::Matches;
use crate::docker::completion;
use crate::docker::context::Context;
use crate::docker::failure::{Failure, Outcome};

/// Prints the script for the shell that the command is called by.
pub async fn script(c: &Context, m: &Matches) -> Outcome {
    if let Some(word) = m.args.first() {
        return Err(Failure::new(format!("unknown command {} for \"docker {}\"", crate::docker::units::quote(word), m.path)));
    }
    let shell = m.path.rsplit(' ').next().unwrap_or_default();
    c.print(completion::script(shell, !m.on("no-descriptions")));
    Ok(0)
}
