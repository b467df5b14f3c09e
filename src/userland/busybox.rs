//! `busybox`: runs the applet named by its first argument, or lists the applets.

use std::process::ExitCode;

use super::applets::{APPLETS, Args, main as run};

/// `busybox [APPLET [ARGUMENTS]]`, `busybox --list`.
pub fn main(args: Args) -> ExitCode {
    let rest: Args = args.into_iter().skip(1).collect();
    match rest.first().and_then(|a| a.to_str()) {
        None | Some("--help") => {
            println!("Dockside userland, called as BusyBox is: one binary, many commands.\n");
            println!("Usage: busybox [COMMAND [ARGUMENTS]]\n   or: busybox --list\n\nCommands:");
            let names: Vec<&str> = APPLETS.iter().map(|a| a.name).collect();
            for line in names.chunks(10) {
                println!("\t{}", line.join(", "));
            }
            ExitCode::SUCCESS
        }
        Some("--list") => {
            APPLETS.iter().for_each(|a| println!("{}", a.name));
            ExitCode::SUCCESS
        }
        Some(_) => {
            uucore::set_utility_is_second_arg();
            run(rest)
        }
    }
}
