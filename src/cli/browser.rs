//! How the commands that need a browser are told of one: `build --pdf` and `lint`.

use std::path::PathBuf;
use std::time::Duration;

use super::CliError;
use crate::deck::export::{Browser, BrowserError};

#[derive(clap::Args)]
pub struct BrowserArgs {
    /// The Chromium to use, instead of the one that is installed
    #[arg(long, value_name = "PATH")]
    browser: Option<PathBuf>,
    /// Run Chromium without its sandbox: as root, or where the system has none
    #[arg(long)]
    no_sandbox: bool,
    /// How long Chromium may take
    #[arg(long, value_name = "SECONDS", default_value_t = 300, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    timeout: u64,
}

impl BrowserArgs {
    pub fn find(&self) -> Result<Browser, BrowserError> {
        Browser::find(self.browser.as_deref(), !self.no_sandbox, Duration::from_secs(self.timeout))
    }
}

/// The error for people, with what to do.
pub fn error(error: BrowserError) -> CliError {
    let hint = error.hint();
    let error = CliError::from(error);
    match hint {
        Some(hint) => error.hint(hint),
        None => error,
    }
}
