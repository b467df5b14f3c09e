//! `docker context ls` and `show`: there is one context, that of the engine in use.

use serde_json::json;

use crate::docker::cmdline::Matches;
use crate::docker::context::Context;
use crate::docker::failure::Outcome;
use crate::docker::format::{Format, Row, RowKind};

static CONTEXT: RowKind = RowKind {
    type_name: "*formatter.clientContextContext",
    fields: &[("Name", "NAME"), ("Description", "DESCRIPTION"), ("DockerEndpoint", "DOCKER ENDPOINT"), ("Current", ""), ("Error", "ERROR")],
    parse_error: "template parsing error",
    execute_error: "template parsing error",
};

/// `docker context ls`.
pub async fn list(c: &Context, m: &Matches) -> Outcome {
    let endpoint = c.client()?.host.text.clone();
    let format = Format::new(
        &CONTEXT,
        m.text("format"),
        "{{.Name}}{{if .Current}} *{{end}}\t{{.Description}}\t{{.DockerEndpoint}}\t{{.Error}}",
        m.on("quiet").then_some("{{.Name}}"),
    )?;
    c.print(format.render([Row {
        kind: &CONTEXT,
        labels: None,
        json: None,
        values: vec![
            ("Name", json!("default")),
            ("Description", json!("Current DOCKER_HOST based configuration")),
            ("DockerEndpoint", json!(endpoint)),
            ("Current", json!(true)),
            ("Error", json!("")),
        ],
    }])?);
    if std::env::var("DOCKER_HOST").is_ok_and(|host| !host.is_empty()) {
        c.warn_line(
            "Warning: DOCKER_HOST environment variable overrides the active context. \
             To use a context, either set the global --context flag, or unset DOCKER_HOST environment variable.",
        );
    }
    Ok(0)
}

/// `docker context show`.
pub async fn show(c: &Context, _m: &Matches) -> Outcome {
    c.line("default");
    Ok(0)
}
