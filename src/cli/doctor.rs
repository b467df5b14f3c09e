//! `dockside doctor`: what this machine lacks for the engine, and what mends it.

use std::process::ExitCode;

use super::{CliError, exit};

#[derive(clap::Args)]
#[command(after_help = "\
Exit status:
  0  the engine works here, perhaps with something lacking
  1  the engine cannot work here")]
pub struct Args {}

#[cfg(not(target_os = "linux"))]
pub fn run(_args: Args) -> Result<ExitCode, CliError> {
    println!("The engine runs on Linux only. Labs run on a Docker or Podman that is there: dockside test --engine docker");
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
        println!("{word:<8} {:<16} {}", finding.name, finding.text);
        for fix in &finding.fix {
            println!("{:<25} → {fix}", "");
        }
    }
    println!();
    Ok(match (broken, lacking) {
        (0, 0) => {
            println!("The engine has all it needs.");
            ExitCode::from(exit::OK)
        }
        (0, _) => {
            println!("The engine works here; what is lacking is named above, with what mends it.");
            ExitCode::from(exit::OK)
        }
        _ => {
            println!("The engine cannot work here until what is broken is mended.");
            ExitCode::from(exit::ERROR)
        }
    })
}
