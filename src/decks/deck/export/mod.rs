//! A course carried out of the house: one HTML file that needs nothing else, a PDF, and slides measured as they will be shown.
//!
//! Runs an installed Chromium where there is no other way; it is given a file and no network. Prints nothing.

pub mod browser;
pub mod handout;
pub mod measure;
pub mod pdf;
pub mod single;

pub use browser::{Browser, BrowserError};

use std::io::Write;
use std::path::Path;

/// Writes a file beside its place and moves it there, so that it is there whole or not at all.
pub fn write_whole(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)?;
    let mut file = tempfile::Builder::new().prefix(".dockside-").tempfile_in(folder)?;
    file.write_all(bytes)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        file.as_file().set_permissions(std::fs::Permissions::from_mode(0o644))?;
    }
    file.as_file().sync_all()?;
    file.persist(path)?;
    Ok(())
}
