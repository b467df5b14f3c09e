//! A deck on paper: its single page printed by a browser, one slide a page.

use std::path::{Path, PathBuf};

use super::browser::{Browser, BrowserError};

/// Why a PDF was not written.
#[derive(Debug, thiserror::Error)]
pub enum PdfError {
    #[error(transparent)]
    Browser(#[from] BrowserError),
    #[error("cannot write {}", path.display())]
    Write { path: PathBuf, source: std::io::Error },
}

/// Prints `html`, a page that needs no other file, to `to`. The file is there whole or not at all. Gives the number of pages.
pub fn print(browser: &Browser, html: &str, to: &Path) -> Result<usize, PdfError> {
    let folder = tempfile::Builder::new().prefix("dockside-print-").tempdir().map_err(BrowserError::Folder)?;
    let (page, pdf) = (folder.path().join("deck.html"), folder.path().join("deck.pdf"));
    std::fs::write(&page, html).map_err(BrowserError::Folder)?;
    // Headings become bookmarks.
    let ways = ["--no-pdf-header-footer", "--generate-pdf-document-outline"].map(str::to_owned);
    let told = browser.run(&page, &[&ways[..], &[format!("--print-to-pdf={}", pdf.display())]].concat())?;
    let bytes = std::fs::read(&pdf).unwrap_or_default();
    if !bytes.starts_with(b"%PDF") {
        let told = String::from_utf8_lossy(&told).trim().to_owned();
        return Err(BrowserError::Nothing { path: browser.path().to_owned(), told }.into());
    }
    super::write_whole(to, &bytes).map_err(|source| PdfError::Write { path: to.to_owned(), source })?;
    Ok(pages(&bytes))
}

/// The pages of a PDF as Chromium writes it: every page object says so in the clear.
fn pages(pdf: &[u8]) -> usize {
    let mark = b"/Type /Page";
    pdf.windows(mark.len() + 1).filter(|w| w.starts_with(mark) && !w[mark.len()].is_ascii_alphabetic()).count()
}
