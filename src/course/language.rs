//! Translations that stand beside their original: `intro.fr.md` is the French of `intro.md`.

use std::path::{Path, PathBuf};

/// Whether `text` is the name of a language: `fr`, `pt-BR`.
pub fn is_language(text: &str) -> bool {
    let (language, region) = text.split_once(['-', '_']).map_or((text, None), |(language, region)| (language, Some(region)));
    let region = region.is_none_or(|region| region.len() == 2 && region.bytes().all(|b| b.is_ascii_uppercase()));
    language.len() == 2 && language.bytes().all(|b| b.is_ascii_lowercase()) && region
}

/// Where the translation of `original` into `language` stands, or would stand.
pub fn translation(original: &Path, language: &str) -> Option<PathBuf> {
    let (stem, extension) = (original.file_stem()?.to_str()?, original.extension()?.to_str()?);
    Some(original.with_file_name(format!("{stem}.{language}.{extension}")))
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
