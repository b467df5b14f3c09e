//! The one binary: `dockside`, or by the name it is called under `docker`, or a command inside a teaching container.

use std::process::ExitCode;

fn main() -> ExitCode {
    let mut args: Vec<_> = std::env::args_os().collect();
    let name =
        args.first().map(std::path::Path::new).and_then(|p| p.file_name()).map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    match name.trim_start_matches('-') {
        "docker" => dockside::cli::docker::main(&args.split_off(1)),
        #[cfg(target_os = "linux")]
        dockside::engine::container::monitor::NAME => dockside::engine::container::monitor::main(),
        #[cfg(target_os = "linux")]
        dockside::engine::network::porter::NAME => dockside::engine::network::porter::main(),
        #[cfg(target_os = "linux")]
        dockside::engine::container::init::NAME => dockside::engine::container::init::main(&args),
        "" | "dockside" => dockside::cli::main(&args),
        #[cfg(feature = "userland")]
        applet if dockside::userland::is_applet(applet) => dockside::userland::main(args),
        _ => dockside::cli::main(&args),
    }
}
