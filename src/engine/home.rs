//! Where engines keep their data when nobody says otherwise.

use std::env;
use std::path::PathBuf;

use super::EngineOptions;

/// The home of Dockside's data: `$DOCKSIDE_HOME`, else `$XDG_DATA_HOME/dockside`, else `~/.local/share/dockside`.
pub fn home() -> PathBuf {
    let folder = |name: &str| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    folder("DOCKSIDE_HOME")
        .or_else(|| folder("XDG_DATA_HOME").filter(|path| path.is_absolute()).map(|path| path.join("dockside")))
        .or_else(|| folder("HOME").map(|path| path.join(".local/share/dockside")))
        .unwrap_or_else(|| env::temp_dir().join("dockside"))
}

/// As many bytes builds may keep: `$DOCKSIDE_BUILD_CACHE`, such as `10GB`. What is no size says nothing.
fn build_cache() -> Option<u64> {
    let bytes = crate::units::parse_bytes(&env::var("DOCKSIDE_BUILD_CACHE").ok()?)?;
    u64::try_from(bytes).ok()
}

/// The store and state of the default engine.
pub fn default_options() -> EngineOptions {
    let home = home();
    EngineOptions { store: home.join("store"), state: home.join("engine"), build_cache: build_cache() }
}

/// The socket of the default engine: `$XDG_RUNTIME_DIR/dockside/engine.sock`, else `engine.sock` in the home.
pub fn default_socket() -> PathBuf {
    match env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from).filter(|path| path.is_absolute() && path.is_dir()) {
        Some(runtime) => runtime.join("dockside/engine.sock"),
        None => home().join("engine.sock"),
    }
}
