//! `dockside doctor`: what this machine lacks for the engine, and what mends it.

use std::process::ExitCode;

use super::output::say;
use super::{CliError, exit};

#[derive(clap::Args)]
#[command(after_help = exit::status(STATUS))]
pub struct Args {}

const STATUS: &[(u8, &str)] =
    &[(exit::OK, "the engine works here, perhaps with something lacking"), (exit::ERROR, "the engine cannot work here")];

#[cfg(not(target_os = "linux"))]
pub fn run(_args: Args) -> Result<ExitCode, CliError> {
    say("The engine runs on Linux only. Labs run on a Docker or Podman that is there: dockside test --engine docker")?;
    Ok(ExitCode::from(exit::ERROR))
}

#[cfg(target_os = "linux")]
pub fn run(_args: Args) -> Result<ExitCode, CliError> {
    use crate::engine::doctor::{Verdict, examine};
    let findings = examine(&crate::engine::home());
    let (mut lacking, mut broken) = (0, 0);
    for finding in &findings {
        let word = match finding.verdict {
            Verdict::Fine => "ok",
            Verdict::Lacking => "lacking",
            Verdict::Broken => "broken",
        };
        lacking += usize::from(finding.verdict == Verdict::Lacking);
        broken += usize::from(finding.verdict == Verdict::Broken);
        say(format_args!("{word:<8} {:<16} {}", finding.name, finding.text))?;
        for fix in &finding.fix {
            say(format_args!("{:<25} → {fix}", ""))?;
        }
    }
    say("")?;
    Ok(match (broken, lacking) {
        (0, 0) => {
            say("The engine has all it needs.")?;
            ExitCode::from(exit::OK)
        }
        (0, _) => {
            say("The engine works here; what is lacking is named above, with what mends it.")?;
            ExitCode::from(exit::OK)
        }
        _ => {
            say("The engine cannot work here until what is broken is mended.")?;
            ExitCode::from(exit::ERROR)
        }
    })
}
