//! `docker images` and `docker history`.

use serde_json::{Value as Json, json};

use super::shared::{ago, filters, int, list as items, rfc3339, shown_id, text};
use crate::docker::client::Request;
use crate::docker::cmdline::Matches;
use crate::docker::context::Context;
use crate::docker::failure::{Failure, Outcome};
use crate::docker::format::{Format, Row, RowKind};
use crate::docker::reference::Reference;
use crate::docker::units::{ellipsis, human_size};

static IMAGE: RowKind = RowKind {
    type_name: "*formatter.imageContext",
    fields: &[
        ("ID", "IMAGE ID"),
        ("Repository", "REPOSITORY"),
        ("Tag", "TAG"),
        ("Digest", "DIGEST"),
        ("CreatedSince", "CREATED"),
        ("CreatedAt", "CREATED AT"),
        ("Size", "SIZE"),
        ("Containers", "CONTAINERS"),
        ("VirtualSize", "SIZE"),
        ("SharedSize", "SHARED SIZE"),
        ("UniqueSize", "UNIQUE SIZE"),
    ],
    parse_error: "template parsing error",
    execute_error: "template parsing error",
    raw: "",
};

/// One line of the list: an image under one of its names.
struct Named {
    repository: String,
    tag: String,
    digest: String,
}

/// `docker images`.
pub async fn list(c: &Context, m: &Matches) -> Outcome {
    if m.on("tree") {
        return Err(Failure::new("\"--tree\" is not supported by this client: it shows images as a store of containerd's has them"));
    }
    let mut given: Vec<String> = m.all("filter").map(str::to_owned).collect();
    if let Some(name) = m.args.first() {
        given.push(format!("reference={name}"));
    }
    let mut request = Request::get("/images/json").query_if(m.on("all"), "all", "1");
    if let Some(filters) = filters(given.iter().map(String::as_str))? {
        request = request.query("filters", filters);
    }
    let images = c.client()?.send(request).await?.json().await?;
    let digests = m.on("digests");
    let given = c.format(m, "imagesFormat");
    let given = if given == "raw" { raw(m.on("quiet"), m.on("digests")) } else { given };
    let given = given.as_str();
    let table = if digests { "{{.Repository}}\t{{.Tag}}\t{{.Digest}}\t{{.ID}}\t{{.CreatedSince}}\t{{.Size}}" } else { IMAGE_TABLE };
    let with_digest;
    let given = if digests && given != "table" && given.starts_with("table") && !given.contains("{{.Digest}}") {
        with_digest = format!("{given}\t{{{{.Digest}}}}");
        &with_digest
    } else {
        given
    };
    let format = Format::new(&IMAGE, given, table, m.on("quiet").then_some("{{.ID}}"))?;
    let wants_digest = digests || given.contains("{{.Digest}}") || given == "json" || given.contains("{{json .}}");
    let mut rows = Vec::new();
    for image in images.as_array().into_iter().flatten() {
        let names = names(image, digests || wants_digest && !matches!(given, "json") && !given.contains("{{json .}}"), digests);
        rows.extend(names.into_iter().map(|named| image_row(image, &named, m.on("no-trunc"))));
    }
    c.print(format.render(rows)?);
    Ok(0)
}

/// `--format raw`: a paragraph an image.
fn raw(quiet: bool, digests: bool) -> String {
    if quiet {
        return "image_id: {{.ID}}".to_owned();
    }
    let digest = if digests { "digest: {{.Digest}}\\n" } else { "" };
    format!(
        "repository: {{{{.Repository}}}}\\ntag: {{{{.Tag}}}}\\n{digest}image_id: {{{{.ID}}}}\\ncreated_at: {{{{.CreatedAt}}}}\\nvirtual_size: {{{{.Size}}}}\\n"
    )
}

const IMAGE_TABLE: &str = "{{.Repository}}\t{{.Tag}}\t{{.ID}}\t{{.CreatedSince}}\t{{.Size}}";

/// An image's lines: one a tag (and digest, where they are wanted), one a digest without a tag, or one without names.
fn names(image: &Json, pair_digests: bool, list_digests: bool) -> Vec<Named> {
    let none = || "<none>".to_owned();
    let texts = |key: &str| items(image, key).filter_map(Json::as_str).filter(|t| !t.starts_with("<none>")).collect::<Vec<_>>();
    let tags: Vec<(String, String)> =
        texts("RepoTags").iter().filter_map(|t| t.rsplit_once(':')).map(|(name, tag)| (familiar(name), tag.to_owned())).collect();
    let digests: Vec<(String, String)> =
        texts("RepoDigests").iter().filter_map(|t| t.split_once('@')).map(|(name, digest)| (familiar(name), digest.to_owned())).collect();
    let mut out = Vec::new();
    for (name, tag) in &tags {
        let mine: Vec<&String> = digests.iter().filter(|(n, _)| n == name && pair_digests).map(|(_, d)| d).collect();
        if mine.is_empty() {
            out.push(Named { repository: name.clone(), tag: tag.clone(), digest: none() });
        }
        out.extend(mine.into_iter().map(|d| Named { repository: name.clone(), tag: tag.clone(), digest: d.clone() }));
    }
    let mut seen: Vec<&String> = Vec::new();
    for (name, digest) in digests.iter().filter(|(name, _)| tags.iter().all(|(n, _)| n != name)) {
        if list_digests {
            out.push(Named { repository: name.clone(), tag: none(), digest: digest.clone() });
        } else if !seen.contains(&name) {
            seen.push(name);
            out.push(Named { repository: name.clone(), tag: none(), digest: none() });
        }
    }
    if out.is_empty() {
        out.push(Named { repository: none(), tag: none(), digest: none() });
    }
    out
}

fn familiar(name: &str) -> String {
    Reference::parse(name).map_or_else(|_| name.to_owned(), |r| r.familiar_name())
}

fn image_row(image: &Json, named: &Named, whole: bool) -> Row {
    let size = int(image, "Size");
    let shared = image.get("SharedSize").and_then(Json::as_i64).unwrap_or(-1);
    let containers = image.get("Containers").and_then(Json::as_i64).unwrap_or(-1);
    let created = int(image, "Created");
    let or_na = |known: bool, text: String| if known { text } else { "N/A".to_owned() };
    let mut row = Row {
        kind: &IMAGE,
        labels: None,
        json: None,
        created: (created != 0).then_some(created),
        values: vec![
            ("ID", Json::from(shown_id(text(image, "Id"), whole))),
            ("Repository", Json::from(named.repository.clone())),
            ("Tag", Json::from(named.tag.clone())),
            ("Digest", Json::from(named.digest.clone())),
            ("CreatedSince", Json::from(or_na(created != 0, ago(created as f64)))),
            ("Size", Json::from(human_size(size as f64, 3))),
            ("Containers", Json::from(or_na(containers != -1, containers.to_string()))),
            ("VirtualSize", Json::from(human_size(size as f64, 4))),
            ("SharedSize", Json::from(or_na(shared != -1, human_size(shared as f64, 4)))),
            ("UniqueSize", Json::from(or_na(shared != -1, human_size((size - shared) as f64, 4)))),
        ],
    };
    if created == 0 {
        row.values.push(("CreatedAt", Json::from("N/A")));
    }
    row
}

/// The row of an image under its first name, as `system df -v` shows it.
pub fn first_row(image: &Json) -> Option<Row> {
    names(image, false, false).first().map(|named| image_row(image, named, false))
}

/// The same with its whole id, and no word on digests.
pub fn whole_row(image: &Json) -> Option<Row> {
    let mut row = names(image, false, false).first().map(|named| image_row(image, named, true))?;
    for (_, value) in row.values.iter_mut().filter(|(name, _)| *name == "Digest") {
        *value = json!("");
    }
    Some(row)
}

/// The kind of an image's row.
pub fn image_kind() -> &'static RowKind {
    &IMAGE
}

static HISTORY: RowKind = RowKind {
    type_name: "*image.historyContext",
    fields: &[
        ("ID", "IMAGE"),
        ("CreatedSince", "CREATED"),
        ("CreatedAt", "CREATED AT"),
        ("CreatedBy", "CREATED BY"),
        ("Size", "SIZE"),
        ("Comment", "COMMENT"),
    ],
    parse_error: "template parsing error",
    execute_error: "template parsing error",
    raw: "",
};

/// `docker history`.
pub async fn history(c: &Context, m: &Matches) -> Outcome {
    let mut request = Request::get(format!("/images/{}/history", m.args[0]));
    if let Some(platform) = m.get("platform") {
        request = request.query("platform", super::shared::platform_json(platform)?);
    }
    let layers = c.client()?.send(request).await?.json().await?;
    let human = m.on_unless("human");
    let whole = m.on("no-trunc");
    let table = if human {
        "{{.ID}}\t{{.CreatedSince}}\t{{.CreatedBy}}\t{{.Size}}\t{{.Comment}}"
    } else {
        "{{.ID}}\t{{.CreatedAt}}\t{{.CreatedBy}}\t{{.Size}}\t{{.Comment}}"
    };
    let format = Format::new(&HISTORY, m.text("format"), table, m.on("quiet").then_some("{{.ID}}"))?;
    let rows = layers.as_array().into_iter().flatten().map(|layer| {
        let by = text(layer, "CreatedBy").replace('\t', " ");
        let size = int(layer, "Size");
        let created = int(layer, "Created");
        let at = rfc3339(created);
        let since = match () {
            () if !human => at.clone(),
            () if created <= 0 => "N/A".to_owned(),
            () => ago(created as f64),
        };
        Row {
            kind: &HISTORY,
            labels: None,
            json: None,
            created: None,
            values: vec![
                ("ID", json!(shown_id(text(layer, "Id"), whole))),
                ("CreatedSince", json!(since)),
                ("CreatedAt", json!(at)),
                ("CreatedBy", json!(if whole { by } else { ellipsis(&by, 45) })),
                ("Size", json!(if human { human_size(size as f64, 3) } else { size.to_string() })),
                ("Comment", json!(text(layer, "Comment"))),
            ],
        }
    });
    c.print(format.render(rows)?);
    Ok(0)
}
