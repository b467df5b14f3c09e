//! From a path to what it names: the endpoints of the distribution specification. Names, tags and digests that come out of here have
//! been checked, so that they may become parts of paths.

use axum::http::Method;

use super::refusal::{Code, Refusal};
use crate::engine::image::{Digest, Reference};

/// A repository's name may be so long.
const LONGEST: usize = 255;

/// What a path names.
#[derive(Debug, PartialEq, Eq)]
pub enum Route {
    /// `/`, which says that the registry is well.
    Health,
    /// `/v2/`
    Base,
    /// `/v2/_catalog`
    Catalog,
    /// `/v2/NAME/tags/list`
    Tags(String),
    /// `/v2/NAME/manifests/TAG-OR-DIGEST`
    Manifest(String, Target),
    /// `/v2/NAME/blobs/DIGEST`
    Blob(String, Digest),
    /// `/v2/NAME/blobs/uploads/`
    Uploads(String),
    /// `/v2/NAME/blobs/uploads/ID`
    Upload(String, String),
}

/// What a manifest is asked for by.
#[derive(Debug, PartialEq, Eq)]
pub enum Target {
    Tag(String),
    Digest(Digest),
}

/// Why a path leads nowhere.
#[derive(Debug)]
pub enum Astray {
    /// There is no such page.
    Nowhere,
    /// The right spelling is elsewhere.
    Elsewhere(String),
    Refused(Refusal),
}

impl Route {
    /// What `path` (without a query, below the registry's prefix) names.
    pub fn of(path: &str) -> Result<Route, Astray> {
        if path.contains("//") {
            let mut clean = path.to_owned();
            while clean.contains("//") {
                clean = clean.replace("//", "/");
            }
            return Err(Astray::Elsewhere(clean));
        }
        match path {
            "/" | "" => return Ok(Route::Health),
            "/v2" => return Err(Astray::Elsewhere("/v2/".to_owned())),
            "/v2/" => return Ok(Route::Base),
            "/v2/_catalog" => return Ok(Route::Catalog),
            _ => {}
        }
        let rest = path.strip_prefix("/v2/").ok_or(Astray::Nowhere)?;
        if let Some(name) = rest.strip_suffix("/tags/list") {
            return Ok(Route::Tags(repository(name)?));
        }
        if let Some(name) = rest.strip_suffix("/blobs/uploads/") {
            return Ok(Route::Uploads(repository(name)?));
        }
        let (head, last) = rest.rsplit_once('/').filter(|(_, last)| !last.is_empty()).ok_or(Astray::Nowhere)?;
        if let Some(name) = head.strip_suffix("/blobs/uploads") {
            let id = last.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_=".contains(&b));
            return if id { Ok(Route::Upload(repository(name)?, last.to_owned())) } else { Err(Astray::Nowhere) };
        }
        if let Some(name) = head.strip_suffix("/blobs") {
            let name = repository(name)?;
            return if last.contains(':') { Ok(Route::Blob(name, digest(last)?)) } else { Err(Astray::Nowhere) };
        }
        let name = repository(head.strip_suffix("/manifests").ok_or(Astray::Nowhere)?)?;
        if last.contains(':') {
            return Ok(Route::Manifest(name, Target::Digest(digest(last)?)));
        }
        if Reference::is_tag(last) { Ok(Route::Manifest(name, Target::Tag(last.to_owned()))) } else { Err(Astray::Nowhere) }
    }

    /// The methods that make sense of it, as the header `Allow` lists them; nothing where any does.
    pub fn methods(&self) -> Option<&'static str> {
        match self {
            Route::Health | Route::Base => None,
            Route::Catalog | Route::Tags(_) => Some("GET"),
            Route::Manifest(..) => Some("DELETE, GET, HEAD, PUT"),
            Route::Blob(..) => Some("DELETE, GET, HEAD"),
            Route::Uploads(_) => Some("POST"),
            Route::Upload(..) => Some("DELETE, GET, HEAD, PATCH, PUT"),
        }
    }

    /// Whether `method` is one of these.
    pub fn allows(&self, method: &Method) -> bool {
        self.methods().is_none_or(|all| all.split(", ").any(|one| one == method.as_str()))
    }

    /// The repository that it is in.
    pub fn repository(&self) -> Option<&str> {
        match self {
            Route::Health | Route::Base | Route::Catalog => None,
            Route::Tags(name) | Route::Uploads(name) => Some(name),
            Route::Manifest(name, _) | Route::Blob(name, _) | Route::Upload(name, _) => Some(name),
        }
    }
}

fn repository(name: &str) -> Result<String, Astray> {
    if name.len() > LONGEST {
        let why = format!("repository name must not be more than {LONGEST} characters");
        return Err(Astray::Refused(Refusal::about(Code::NameInvalid, why)));
    }
    if is_repository(name) { Ok(name.to_owned()) } else { Err(Astray::Nowhere) }
}

/// Whether `name` has the form of a repository's name without a registry before it.
pub fn is_repository(name: &str) -> bool {
    // Below some registry's name, the grammar of references says what may stand.
    Reference::parse(&format!("registry.local/{name}")).is_ok_and(|r| r.is_name_only() && r.path() == name)
}

fn digest(text: &str) -> Result<Digest, Astray> {
    text.parse().map_err(|e: crate::engine::image::DigestError| Astray::Refused(Refusal::about(Code::DigestInvalid, e.to_string())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_name_what_the_specification_says() {
        let hex = "0".repeat(64);
        let names = |path: &str| Route::of(path).unwrap();
        assert_eq!(names("/v2/"), Route::Base);
        assert_eq!(names("/v2/a/b/tags/list"), Route::Tags("a/b".into()));
        assert_eq!(names("/v2/tags/tags/list"), Route::Tags("tags".into()));
        assert_eq!(names("/v2/manifests/manifests/v1"), Route::Manifest("manifests".into(), Target::Tag("v1".into())));
        assert_eq!(names("/v2/a/blobs/uploads/"), Route::Uploads("a".into()));
        assert_eq!(names("/v2/a/blobs/uploads/1-2"), Route::Upload("a".into(), "1-2".into()));
        assert_eq!(names(&format!("/v2/a/blobs/sha256:{hex}")), Route::Blob("a".into(), Digest::from_hex(&hex).unwrap()));
        let astray = [
            "/v1/",
            "/v2/tags/list",
            "/v2/A/tags/list",
            "/v2/../tags/list",
            "/v2/a/../b/tags/list",
            "/v2/a/manifests/",
            "/v2/_x/tags/list",
        ];
        for path in astray {
            assert!(matches!(Route::of(path), Err(Astray::Nowhere)), "{path}");
        }
        for path in ["/v2/a/manifests/-x", "/v2/a/manifests/..", "/v2/a/blobs/uploads/..", "/v2/a/blobs/uploads/.", "/v2/a/manifests/a%2fb"]
        {
            assert!(matches!(Route::of(path), Err(Astray::Nowhere)), "{path}");
        }
        assert!(matches!(Route::of("/v2/a/blobs/sha256:zz"), Err(Astray::Refused(_))));
    }
}
