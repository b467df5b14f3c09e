//! The names of languages, as files, manifests and pages have them.

/// Whether `text` is the name of a language: `fr`, `pt-BR`.
pub fn is_language(text: &str) -> bool {
    let (language, region) = text.split_once(['-', '_']).map_or((text, None), |(language, region)| (language, Some(region)));
    let region = region.is_none_or(|region| region.len() == 2 && region.bytes().all(|b| b.is_ascii_uppercase()));
    language.len() == 2 && language.bytes().all(|b| b.is_ascii_lowercase()) && region
}
