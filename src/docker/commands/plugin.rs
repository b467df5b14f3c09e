//! `docker plugin …`: the engine's plugins.

use serde_json::json;

use super::shared::{filters, named, shown_id, text, together};
use crate::docker::client::{Outgoing, Request};
use crate::docker::cmdline::Matches;
use crate::docker::config;
use crate::docker::context::Context;
use crate::docker::failure::{Failure, Outcome};
use crate::docker::format::{Format, Row, RowKind};
use crate::docker::progress::Progress;
use crate::docker::reference::Reference;
use crate::docker::units::ellipsis;
use crate::units::go_words;

static PLUGIN: RowKind = RowKind {
    type_name: "*plugin.pluginContext",
    fields: &[("ID", "ID"), ("Name", "NAME"), ("Description", "DESCRIPTION"), ("Enabled", "ENABLED"), ("PluginReference", "IMAGE")],
    parse_error: "template parsing error",
    execute_error: "template parsing error",
    raw: "",
};

/// `docker plugin ls`.
pub async fn list(c: &Context, m: &Matches) -> Outcome {
    let mut request = Request::get("/plugins");
    if let Some(filters) = filters(m.all("filter"))? {
        request = request.query("filters", filters);
    }
    let all = c.client()?.send(request).await?.json().await?;
    let format = Format::new(
        &PLUGIN,
        &c.format(m, "pluginsFormat"),
        "{{.ID}}\t{{.Name}}\t{{.Description}}\t{{.Enabled}}",
        m.on("quiet").then_some("{{.ID}}"),
    )?;
    let whole = m.on("no-trunc");
    let rows = all.as_array().into_iter().flatten().map(|plugin| {
        let about = plugin.get("Config").map(|config| text(config, "Description")).unwrap_or_default().replace(['\n', '\r'], " ");
        Row {
            kind: &PLUGIN,
            labels: None,
            json: None,
            created: None,
            values: vec![
                ("ID", json!(shown_id(text(plugin, "Id"), whole))),
                ("Name", json!(text(plugin, "Name"))),
                ("Description", json!(if whole { about } else { ellipsis(&about, 45) })),
                ("Enabled", json!(plugin.get("Enabled").and_then(serde_json::Value::as_bool) == Some(true))),
                ("PluginReference", json!(text(plugin, "PluginReference"))),
            ],
        }
    });
    c.print(format.render(rows.collect::<Vec<_>>())?);
    Ok(0)
}

/// `docker plugin rm PLUGIN …`.
pub async fn remove(c: &Context, m: &Matches) -> Outcome {
    let mut failures = Vec::new();
    for name in &m.args {
        let request = Request::delete(format!("/plugins/{}", named("plugin", name)?)).query_if(m.on("force"), "force", "1");
        match c.client()?.send(request).await {
            Ok(_) => c.line(name),
            Err(failure) => failures.push(failure),
        }
    }
    together(failures)
}

async fn post(c: &Context, m: &Matches, request: Request<'_>) -> Outcome {
    c.client()?.send(request).await?;
    c.line(&m.args[0]);
    Ok(0)
}

/// `docker plugin enable PLUGIN`.
pub async fn enable(c: &Context, m: &Matches) -> Outcome {
    let timeout = m.int("timeout").unwrap_or(30);
    if timeout < 0 {
        return Err(Failure::new(format!("negative timeout {timeout} is invalid")));
    }
    post(c, m, Request::post(format!("/plugins/{}/enable", m.args[0])).query("timeout", timeout.to_string())).await
}

/// `docker plugin disable PLUGIN`.
pub async fn disable(c: &Context, m: &Matches) -> Outcome {
    post(c, m, Request::post(format!("/plugins/{}/disable", m.args[0])).query_if(m.on("force"), "force", "1")).await
}

/// `docker plugin set PLUGIN KEY=VALUE …`.
pub async fn set(c: &Context, m: &Matches) -> Outcome {
    c.client()?.send(Request::post(format!("/plugins/{}/set", m.args[0])).json(&json!(m.args[1..]))).await?;
    Ok(0)
}

/// `docker plugin install PLUGIN`: what the plugin may do is asked first, and this client goes no further.
pub async fn install(c: &Context, m: &Matches) -> Outcome {
    privileges(c, &m.args[0]).await
}

/// `docker plugin upgrade PLUGIN [REMOTE]`.
pub async fn upgrade(c: &Context, m: &Matches) -> Outcome {
    let known = c.client()?.send(Request::get(format!("/plugins/{}/json", m.args[0]))).await;
    let known = known.map_err(|e| Failure { text: format!("error reading plugin data: {}", e.text), ..e })?.json().await?;
    privileges(c, m.args.get(1).map_or_else(|| text(&known, "PluginReference"), String::as_str)).await
}

async fn privileges(c: &Context, remote: &str) -> Outcome {
    let remote = Reference::parse(remote)?;
    let request = Request::get("/plugins/privileges")
        .query("remote", remote.familiar())
        .header("X-Registry-Auth", config::registry_auth(&c.config, &remote.domain));
    c.client()?.send(request).await?;
    Err(Failure::new("this client grants no permissions to plugins: use Docker's own client to install them"))
}

/// `docker plugin push PLUGIN[:TAG]`.
pub async fn push(c: &Context, m: &Matches) -> Outcome {
    let mut reference = Reference::parse(&m.args[0])?;
    reference.default_tag();
    let auth = config::registry_auth(&c.config, &reference.domain);
    let request = Request::post(format!("/plugins/{}/push", reference.familiar())).header("X-Registry-Auth", auth);
    let answer = c.client()?.send(request).await?;
    Progress::new(c, false).run(answer, &mut |_| ()).await?;
    Ok(0)
}

/// `docker plugin create PLUGIN FOLDER`.
pub async fn create(c: &Context, m: &Matches) -> Outcome {
    let folder = std::path::Path::new(&m.args[1]);
    let missing = |what: &std::path::Path, e: std::io::Error| Failure::new(format!("lstat {}: {}", what.display(), go_words(&e)));
    let there = std::fs::symlink_metadata(folder).map_err(|e| missing(&std::path::absolute(folder).unwrap_or_default(), e))?;
    if !there.is_dir() {
        return Err(Failure::new("context must be a directory"));
    }
    let config = folder.join("config.json");
    std::fs::read(&config).map_err(|e| Failure::new(format!("open {}: {}", config.display(), go_words(&e))))?;
    let mut tar = tar::Builder::new(Vec::new());
    tar.follow_symlinks(false);
    tar.append_dir_all(".", folder)?;
    let request = Request::post("/plugins/create").query("name", m.args[0].as_str()).header("Content-Type", "application/x-tar");
    c.client()?.send(request.body(Outgoing::Whole(tar.into_inner()?.into()))).await?;
    c.line(&m.args[0]);
    Ok(0)
}
