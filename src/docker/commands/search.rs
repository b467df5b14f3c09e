//! `docker search`.

use serde_json::{Value as Json, json};

use super::shared::{filters, int, text};
use crate::docker::client::Request;
use crate::docker::cmdline::Matches;
use crate::docker::config;
use crate::docker::context::Context;
use crate::docker::failure::Outcome;
use crate::docker::format::{Format, Row, RowKind};
use crate::docker::template::sorted_json;
use crate::docker::units::ellipsis;

static RESULT: RowKind = RowKind {
    type_name: "*registry.searchContext",
    fields: &[("Name", "NAME"), ("Description", "DESCRIPTION"), ("StarCount", "STARS"), ("IsOfficial", "OFFICIAL")],
    parse_error: "template parsing error",
    execute_error: "template parsing error",
    raw: "",
};

/// `docker search TERM`.
pub async fn search(c: &Context, m: &Matches) -> Outcome {
    let mut request = Request::get("/images/search")
        .query("term", m.args[0].clone())
        .header("X-Registry-Auth", config::registry_auth(&c.config, search_domain(&m.args[0])));
    if let Some(limit) = m.int("limit").filter(|n| *n > 0) {
        request = request.query("limit", limit.to_string());
    }
    if let Some(filters) = filters(m.all("filter"))? {
        request = request.query("filters", filters);
    }
    if m.all("filter").any(|filter| filter.split('=').next() == Some("is-automated")) {
        c.warn_line(
            "WARNING: the \"is-automated\" filter is deprecated, and searching for \"is-automated=true\" will not yield any results in future.",
        );
    }
    let found = c.client()?.send(request).await?.json().await?;
    let format = Format::new(&RESULT, m.text("format"), "{{.Name}}\t{{.Description}}\t{{.StarCount}}\t{{.IsOfficial}}", None)?;
    let whole = m.on("no-trunc");
    let rows = found.as_array().into_iter().flatten().map(|result| {
        let official = result.get("is_official").and_then(Json::as_bool) == Some(true);
        let description = text(result, "description").replace('\n', " ").replace('\r', "");
        let description = json!(if whole { description } else { ellipsis(&description, 45) });
        let (name, stars) = (json!(text(result, "name")), json!(int(result, "star_count").to_string()));
        Row {
            kind: &RESULT,
            labels: None,
            json: Some(sorted_json([
                ("Description", description.clone()),
                ("IsOfficial", json!(official.to_string())),
                ("Name", name.clone()),
                ("StarCount", stars.clone()),
            ])),
            created: None,
            values: vec![
                ("Name", name),
                ("Description", description),
                ("StarCount", stars),
                ("IsOfficial", json!(if official { "[OK]" } else { "" })),
            ],
        }
    });
    c.print(format.render(rows)?);
    Ok(0)
}

/// The registry that a search term names.
fn search_domain(term: &str) -> &str {
    match term.split_once('/') {
        Some((first, _)) if first.contains(['.', ':']) || first == "localhost" => first,
        _ => "docker.io",
    }
}
