//! Lists that may be long, in pages: the tags of a repository, the repositories of the registry.

use axum::body::Body;
use axum::http::{HeaderValue, Response, header};
use serde_json::{Value, json};

use super::layout::Layout;
use super::refusal::{Code, Refusal};
use super::server::Query;

/// `GET /v2/NAME/tags/list[?n=N&last=TAG]`
pub fn tags(layout: &Layout, name: &str, path: &str, query: &Query) -> Result<Response<Body>, Refusal> {
    let unknown = || Refusal::about(Code::NameUnknown, json!({ "name": name }));
    let tags = layout.tags(name)?.ok_or_else(unknown)?;
    let wanted = match query.get("n") {
        None => None,
        Some(text) => Some(text.parse().map_err(|_| Refusal::about(Code::PaginationNumberInvalid, json!({ "n": text })))?),
    };
    let (page, more) = page(tags, wanted.unwrap_or(usize::MAX), query.get("last"));
    Ok(answer(&json!({ "name": name, "tags": page }), path, wanted, more.then(|| page.last()).flatten()))
}

/// `GET /v2/_catalog[?n=N&last=NAME]`. A number that is none is passed over; more than `most` at a time are refused.
pub fn catalog(layout: &Layout, most: usize, path: &str, query: &Query) -> Result<Response<Body>, Refusal> {
    const USUAL: usize = 100;
    let wanted = query.get("n").and_then(|text| text.parse::<usize>().ok());
    if let Some(n) = wanted.filter(|n| *n > most) {
        return Err(Refusal::about(Code::PaginationNumberInvalid, json!({ "n": n })));
    }
    let wanted = wanted.unwrap_or(USUAL.min(most));
    let (page, more) = page(layout.repositories()?, wanted, query.get("last"));
    Ok(answer(&json!({ "repositories": page }), path, Some(wanted), more.then(|| page.last()).flatten()))
}

/// The first `n` names after `last`, and whether there are more.
fn page(names: Vec<String>, n: usize, last: Option<&str>) -> (Vec<String>, bool) {
    let mut rest = names.into_iter().filter(|name| last.is_none_or(|last| name.as_str() > last));
    let page: Vec<String> = rest.by_ref().take(n).collect();
    (page, rest.next().is_some())
}

fn answer(body: &Value, path: &str, n: Option<usize>, last: Option<&String>) -> Response<Body> {
    let mut response = Response::new(Body::from(format!("{body}\n")));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"));
    if let (Some(n), Some(last)) = (n, last) {
        // Names have no other signs that an address could not bear.
        let next = format!("<{path}?last={}&n={n}>; rel=\"next\"", last.replace('/', "%2F"));
        headers.extend(HeaderValue::from_str(&next).ok().map(|value| (header::LINK, value)));
    }
    response
}
