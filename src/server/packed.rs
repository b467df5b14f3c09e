//! Pages as they are sent: they say which version of the site they are and where to follow, and are packed with gzip for those who take
//! it. A page of a large deck is a megabyte, which a class asks for all at once: it is packed once. Knows no connection.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::sync::{Mutex, PoisonError};

use axum::body::Bytes;
use axum::http::{HeaderMap, header};
use flate2::Compression;
use flate2::write::GzEncoder;

use crate::deck::{Body, Site};

/// The pages of the version that was asked for last.
#[derive(Default)]
pub struct Pages(Mutex<Sent>);

#[derive(Default)]
struct Sent {
    version: String,
    /// By place, and whether packed.
    pages: BTreeMap<(String, bool), Bytes>,
}

impl Pages {
    /// A page of `site`, whose version is `version`, packed or not; `None` if there is none at `place`. Who comes meanwhile waits for it.
    pub fn get(&self, site: &Site, version: &str, place: &str, join: &str, packed: bool) -> Option<Bytes> {
        let Some(Body::Text(page)) = site.files.get(place) else { return None };
        let mut sent = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if sent.version != version {
            *sent = Sent { version: version.to_owned(), ..Sent::default() };
        }
        let key = (place.to_owned(), packed);
        if let Some(bytes) = sent.pages.get(&key) {
            return Some(bytes.clone());
        }
        let page = page.replacen("<html ", &format!("<html data-version=\"{version}\" data-join=\"{join}\" "), 1).into_bytes();
        let bytes = Bytes::from(if packed { pack(&page)? } else { page });
        sent.pages.insert(key, bytes.clone());
        Some(bytes)
    }
}

/// In a hurry: a little smaller would take much longer, and someone has just edited a slide and looks at the screen.
fn pack(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(bytes.len() / 4), Compression::fast());
    encoder.write_all(bytes).ok()?;
    encoder.finish().ok()
}

/// Whether a client takes gzip (RFC 9110, section 12.5.3).
pub fn accepted(headers: &HeaderMap) -> bool {
    let codings =
        headers.get_all(header::ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(','));
    codings.into_iter().any(|coding| {
        let (name, quality) = coding.split_once(';').unwrap_or((coding, ""));
        let quality = quality.trim().strip_prefix("q=").map_or(Ok(1.0), str::parse::<f32>);
        name.trim().eq_ignore_ascii_case("gzip") && quality.is_ok_and(|quality| quality > 0.0)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gzip_is_sent_to_those_who_take_it() {
        let takes =
            |text: &'static str| accepted(&HeaderMap::from_iter([(header::ACCEPT_ENCODING, axum::http::HeaderValue::from_static(text))]));
        assert!(takes("gzip") && takes("deflate, GZIP;q=0.5") && takes("br, gzip"));
        assert!(!takes("") && !takes("br") && !takes("gzip;q=0") && !takes("gzip;q=x") && !takes("xgzip"));
        assert!(!accepted(&HeaderMap::new()));
    }
}
