//! Translations that stand beside their original: `intro.fr.md` is the French of `intro.md`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::slides::is_language;

/// Where the translation of `original` into `language` stands, or would stand.
pub fn translation(original: &Path, language: &str) -> Option<PathBuf> {
    let (stem, extension) = (original.file_stem()?.to_str()?, original.extension()?.to_str()?);
    Some(original.with_file_name(format!("{stem}.{language}.{extension}")))
}

/// The languages that some of `files` have a translation into.
pub fn languages<'f>(files: impl Iterator<Item = &'f Path>) -> BTreeSet<String> {
    files.flat_map(translations).map(|(language, _)| language).collect()
}

/// The translations of `original` that are there, by language.
pub fn translations(original: &Path) -> Vec<(String, PathBuf)> {
    let folder = original.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let (Some(stem), Some(extension)) = (original.file_stem().and_then(|s| s.to_str()), original.extension().and_then(|e| e.to_str()))
    else {
        return Vec::new();
    };
    let mut found: Vec<(String, PathBuf)> = std::fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            let language = name.strip_prefix(stem)?.strip_prefix('.')?.strip_suffix(extension)?.strip_suffix('.')?.to_owned();
            is_language(&language).then(|| (language, original.with_file_name(&name)))
        })
        .collect();
    found.sort();
    found
}
