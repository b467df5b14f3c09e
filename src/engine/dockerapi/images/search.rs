//! `GET /images/search`: the catalogue answers as Docker Hub.

use axum::response::IntoResponse;
use serde_json::{Value, json};

use crate::catalog;
use crate::dockerapi::ApiError;
use crate::dockerapi::json::Json;
use crate::dockerapi::params::Params;

const LIMIT: i64 = 25;

/// `GET /images/search`
pub async fn search(params: Params) -> Result<impl IntoResponse, ApiError> {
    let filters = params.filters(&["is-automated", "is-official", "stars"])?;
    let limit = match params.get("limit") {
        None => LIMIT,
        Some(text) => text.parse::<i64>().map_err(|_| ApiError::invalid(format!("invalid limit specified: {text:?}")))?,
    };
    let limit = if limit == 0 { LIMIT } else { limit };
    if !(1..=100).contains(&limit) {
        return Err(ApiError::invalid(format!("limit {limit} is outside the range of [1, 100]")));
    }
    let mut stars = 0;
    for text in filters.get("stars") {
        let number: u64 = text.parse().map_err(|_| ApiError::invalid(format!("invalid filter 'stars={text}'")))?;
        stars = stars.max(number);
    }
    let (official, automated) = (filters.boolean("is-official")?, filters.boolean("is-automated")?);
    let term = params.get("term").unwrap_or_default();
    let found: Vec<Value> = catalog::search(term)
        .into_iter()
        .filter(|hit| official.is_none_or(|official| official == hit.official))
        .filter(|hit| automated.is_none_or(|automated| automated == hit.automated))
        .filter(|hit| hit.stars >= stars)
        .take(usize::try_from(limit).unwrap_or_default())
        .map(|hit| {
            json!({
                "star_count": hit.stars, "is_official": hit.official, "name": hit.name, "is_automated": hit.automated,
                "description": hit.description,
            })
        })
        .collect();
    Ok(Json(found))
}
