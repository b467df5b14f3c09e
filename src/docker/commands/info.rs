//! `docker info`.

use std::fmt::Write as _;

use serde_json::{Value as Json, json};

use super::shared::{int, list, text, together};
use super::version;
use crate::docker::FOLLOWS;
use crate::docker::client::Request;
use crate::docker::cmdline::Matches;
use crate::docker::context::Context;
use crate::docker::contexts::DEFAULT;
use crate::docker::failure::{Failure, Kind, Outcome};
use crate::docker::plugins::{self, Plugin};
use crate::docker::template::{self, Template, Value, types};
use crate::docker::units::binary_size;

/// `docker info`: about the client, and about the engine where it answers.
pub async fn info(c: &Context, m: &Matches) -> Outcome {
    // A wrong address is told of before anything else; an engine that nobody has named is not started for that.
    if c.given_host.is_some() || c.name != DEFAULT {
        c.client()?;
    }
    let plugins = plugins::list(&c.config);
    let debug = c.debug;
    let mut client = serde_json::Map::from_iter([("Debug".to_owned(), json!(debug))]);
    client.extend(version::about(c, "").as_object().cloned().unwrap_or_default());
    client.insert("Plugins".to_owned(), plugins.iter().map(Plugin::to_json).collect());
    client.insert("Warnings".to_owned(), Json::Null);
    let given = match m.text("format") {
        "" => {
            let mut text = format!("Client:\n Version:    {FOLLOWS}\n Context:    {}\n Debug Mode: {debug}\n", c.name);
            if !plugins.is_empty() {
                text.push_str(" Plugins:\n");
            }
            for plugin in &plugins {
                let _ = writeln!(text, "  {}: {} ({})", plugin.name, plugin.text("ShortDescription"), plugin.text("Vendor"));
                if !plugin.text("Version").is_empty() {
                    let _ = writeln!(text, "    Version:  {}", plugin.text("Version"));
                }
                let _ = writeln!(text, "    Path:     {}", plugin.path.display());
            }
            let server = ask(c).await;
            c.print(text + "\nServer:\n");
            let server = server.map_err(|failure| match failure.kind {
                Kind::Engine(_) => Failure::new(format!("ERROR: {}\nerrors pretty printing info", failure.text)),
                _ => failure,
            })?;
            c.print(server_text(&server));
            c.line("");
            for warning in list(&server, "Warnings").filter_map(Json::as_str) {
                c.warn_line(warning);
            }
            return Ok(0);
        }
        "json" => "{{json .}}",
        given => given,
    };
    let parsed = template::parse(given).map_err(|e| Failure::new(format!("template parsing error: {e}")).status(64))?;
    let mut whole = json!({});
    let mut unreached = None;
    if is_about_engine(given, &parsed, &client) {
        match ask(c).await {
            Ok(server) => whole = server,
            Err(Failure { kind: Kind::Engine(_), text, .. }) => whole["ServerErrors"] = json!([text]),
            Err(failure) => unreached = Some(failure),
        }
    }
    whole["ClientInfo"] = Json::Object(client);
    // What came before an error is shown.
    let (text, fault) = template::execute_far(&parsed, &Value::typed(whole, &types::system::WHOLE_INFO), false);
    c.line(text);
    together(unreached.into_iter().chain(fault.map(Failure::new)).collect())
}

async fn ask(c: &Context) -> Result<Json, Failure> {
    c.client()?.send(Request::get("/info")).await?.json().await
}

/// Whether a template asks for more than is known of the client: it names nothing, or something that is not the client's.
fn is_about_engine(text: &str, template: &Template, client: &serde_json::Map<String, Json>) -> bool {
    let names = text.as_bytes().windows(2).any(|pair| pair[0] == b'.' && pair[1].is_ascii_alphabetic());
    let client = Value::typed(json!({ "ClientInfo": client }), &types::system::CLIENT_ONLY);
    !names || template::execute(template, &client, false).is_err()
}

fn server_text(info: &Json) -> String {
    let mut out = String::new();
    let mut line = |indent: usize, title: &str, value: String| {
        let _ = writeln!(out, "{:indent$}{title}: {value}", "");
    };
    let number = |key: &str| int(info, key).to_string();
    let flag = |key: &str| (info.get(key).and_then(Json::as_bool) == Some(true)).to_string();
    let words =
        |value: Option<&Json>| value.and_then(Json::as_array).into_iter().flatten().filter_map(Json::as_str).collect::<Vec<_>>().join(" ");
    line(1, "Containers", number("Containers"));
    line(2, "Running", number("ContainersRunning"));
    line(2, "Paused", number("ContainersPaused"));
    line(2, "Stopped", number("ContainersStopped"));
    line(1, "Images", number("Images"));
    line(1, "Server Version", text(info, "ServerVersion").to_owned());
    line(1, "Storage Driver", text(info, "Driver").to_owned());
    for pair in list(info, "DriverStatus") {
        let cell = |i: usize| pair.get(i).and_then(Json::as_str).unwrap_or_default().to_owned();
        line(2, &cell(0), cell(1));
    }
    line(1, "Logging Driver", text(info, "LoggingDriver").to_owned());
    line(1, "Cgroup Driver", text(info, "CgroupDriver").to_owned());
    if !text(info, "CgroupVersion").is_empty() {
        line(1, "Cgroup Version", text(info, "CgroupVersion").to_owned());
    }
    let plugins = info.get("Plugins").unwrap_or(&Json::Null);
    let _ = writeln!(out, " Plugins:");
    for key in ["Volume", "Network", "Authorization", "Log"] {
        if list(plugins, key).next().is_some() {
            let _ = writeln!(out, "  {key}: {}", words(plugins.get(key)));
        }
    }
    let swarm = info.get("Swarm").map(|s| text(s, "LocalNodeState")).unwrap_or_default();
    let _ = writeln!(out, " Swarm: {swarm}");
    if let Some(runtimes) = info.get("Runtimes").and_then(Json::as_object) {
        let mut names: Vec<&str> = runtimes.keys().map(String::as_str).collect();
        names.sort_unstable();
        let _ = writeln!(out, " Runtimes: {}\n Default Runtime: {}", names.join(" "), text(info, "DefaultRuntime"));
    }
    let commit = |key: &str| info.get(key).map(|commit| text(commit, "ID")).unwrap_or_default();
    let _ = writeln!(out, " Init Binary: {}", text(info, "InitBinary"));
    let _ = writeln!(out, " containerd version: {}", commit("ContainerdCommit"));
    let _ = writeln!(out, " runc version: {}\n init version: {}", commit("RuncCommit"), commit("InitCommit"));
    security(info, &mut out);
    let mut line = |title: &str, value: String| {
        let _ = writeln!(out, " {title}: {value}");
    };
    line("Kernel Version", text(info, "KernelVersion").to_owned());
    line("Operating System", text(info, "OperatingSystem").to_owned());
    line("OSType", text(info, "OSType").to_owned());
    line("Architecture", text(info, "Architecture").to_owned());
    line("CPUs", number("NCPU"));
    line("Total Memory", binary_size(int(info, "MemTotal") as f64));
    line("Name", text(info, "Name").to_owned());
    line("ID", text(info, "ID").to_owned());
    line("Docker Root Dir", text(info, "DockerRootDir").to_owned());
    line("Debug Mode", flag("Debug"));
    for (key, title) in [("HttpProxy", "HTTP Proxy"), ("HttpsProxy", "HTTPS Proxy"), ("NoProxy", "No Proxy")] {
        if !text(info, key).is_empty() {
            line(title, text(info, key).to_owned());
        }
    }
    if list(info, "Labels").next().is_some() {
        let labels: Vec<&str> = list(info, "Labels").filter_map(Json::as_str).collect();
        let _ = writeln!(out, " Labels:\n  {}", labels.join("\n  "));
    }
    let _ = writeln!(out, " Experimental: {}", flag("ExperimentalBuild"));
    let registry = info.get("RegistryConfig").unwrap_or(&Json::Null);
    let mut insecure: Vec<&str> = Vec::new();
    if let Some(indexes) = registry.get("IndexConfigs").and_then(Json::as_object) {
        insecure.extend(indexes.iter().filter(|(_, index)| index.get("Secure") == Some(&json!(false))).map(|(name, _)| name.as_str()));
    }
    insecure.extend(list(registry, "InsecureRegistryCIDRs").filter_map(Json::as_str));
    if !insecure.is_empty() {
        let _ = writeln!(out, " Insecure Registries:\n  {}", insecure.join("\n  "));
    }
    let mirrors: Vec<&str> = list(registry, "Mirrors").filter_map(Json::as_str).collect();
    if !mirrors.is_empty() {
        let _ = writeln!(out, " Registry Mirrors:\n  {}", mirrors.join("\n  "));
    }
    let _ = writeln!(out, " Live Restore Enabled: {}", flag("LiveRestoreEnabled"));
    if !text(info, "ProductLicense").is_empty() {
        let _ = writeln!(out, " Product License: {}", text(info, "ProductLicense"));
    }
    out
}

/// `name=seccomp,profile=builtin` and its like, a line each.
fn security(info: &Json, out: &mut String) {
    let mut options = list(info, "SecurityOptions").filter_map(Json::as_str).peekable();
    if options.peek().is_none() {
        return;
    }
    let _ = writeln!(out, " Security Options:");
    for option in options {
        for (i, pair) in option.split(',').enumerate() {
            let (key, value) = pair.split_once('=').unwrap_or(("name", pair));
            let _ = match (i, key) {
                (0, _) => writeln!(out, "  {value}"),
                (_, "profile") => writeln!(out, "   Profile: {value}"),
                (_, key) => writeln!(out, "   {key}: {value}"),
            };
        }
    }
}
