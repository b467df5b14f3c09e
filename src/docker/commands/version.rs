//! `docker version`.

use serde_json::{Value as Json, json};

use super::shared::{list, text};
use crate::docker::FOLLOWS;
use crate::docker::client::{NEWEST, Request};
use crate::docker::cmdline::Matches;
use crate::docker::context::Context;
use crate::docker::failure::{Failure, Outcome};
use crate::docker::template::{self, Value, types};

/// `docker version`: the client's part always, the engine's where it answers.
pub async fn version(c: &Context, m: &Matches) -> Outcome {
    let client = c.client()?;
    let server = match client.send(Request::get("/version")).await {
        Ok(answer) => answer.json().await,
        Err(failure) => Err(failure),
    };
    let about = about(c, &client.version());
    let failure = server.as_ref().err().cloned();
    let server = server.map(|mut server| {
        date_builds(&mut server);
        server
    });
    let whole = json!({"Client": about, "Server": server.clone().unwrap_or(Json::Null)});
    match m.text("format") {
        "" => {
            c.print(client_text(&whole["Client"]));
            if let Ok(server) = &server {
                c.print(server_text(server));
            }
        }
        given => {
            let given = if given == "json" { "{{json .}}" } else { given };
            let named = |e: &str| e.replacen("template: :", "template: version:", 1).replacen("executing \"\"", "executing \"version\"", 1);
            let parsed = template::parse(given).map_err(|e| Failure::new(format!("template parsing error: {}", named(&e))).status(64))?;
            // What came before an error is shown.
            let (text, fault) = template::execute_far(&parsed, &Value::typed(whole, &types::system::WHOLE_VERSION), false);
            c.line(text);
            if let Some(e) = fault {
                return Err(failure.unwrap_or_else(|| Failure::new(named(&e))));
            }
        }
    }
    match failure {
        Some(failure) => Err(failure),
        None => Ok(0),
    }
}

/// What the client is; `api` is the version that it speaks with the engine, if it has asked.
pub fn about(c: &Context, api: &str) -> Json {
    let mut about = json!({
        "Version": FOLLOWS,
        "ApiVersion": api,
        "DefaultAPIVersion": NEWEST,
        "GitCommit": concat!("dockside-", env!("CARGO_PKG_VERSION")),
        "GoVersion": "none",
        "Os": std::env::consts::OS,
        "Arch": architecture(),
        "Context": c.name,
    });
    if let Json::Object(map) = &mut about {
        map.retain(|_, value| *value != json!(""));
    }
    about
}

/// The processor, by Go's name.
pub fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

fn client_text(client: &Json) -> String {
    let (api, newest) = (text(client, "ApiVersion"), text(client, "DefaultAPIVersion"));
    let api = if api == newest { api.to_owned() } else { format!("{api} (downgraded from {newest})") };
    let line = |title: &str, value: &str| format!(" {:<18} {value}\n", format!("{title}:"));
    [
        "Client:\n".to_owned(),
        line("Version", text(client, "Version")),
        line("API version", &api),
        line("Git commit", text(client, "GitCommit")),
        line("OS/Arch", &format!("{}/{}", text(client, "Os"), text(client, "Arch"))),
        line("Context", text(client, "Context")),
    ]
    .concat()
}

fn server_text(server: &Json) -> String {
    let mut out = "\nServer:".to_owned();
    let platform = server.get("Platform").map(|p| text(p, "Name")).unwrap_or_default();
    if !platform.is_empty() {
        out.push_str(&format!(" {platform}"));
    }
    out.push('\n');
    for component in list(server, "Components") {
        out.push_str(&format!(" {}:\n", text(component, "Name")));
        let details = component.get("Details");
        let detail = |key: &str| details.map(|d| text(d, key)).unwrap_or_default();
        let mut line = |title: &str, value: &str| out.push_str(&format!("  {:<17} {value}\n", format!("{title}:")));
        line("Version", text(component, "Version"));
        if text(component, "Name") == "Engine" {
            line("API version", &format!("{} (minimum version {})", detail("ApiVersion"), detail("MinAPIVersion")));
            line("Go version", detail("GoVersion"));
            line("Git commit", detail("GitCommit"));
            line("Built", &built(detail("BuildTime")));
            line("OS/Arch", &format!("{}/{}", detail("Os"), detail("Arch")));
            line("Experimental", detail("Experimental"));
        } else {
            for (key, value) in details.and_then(Json::as_object).into_iter().flatten() {
                line(key, value.as_str().unwrap_or_default());
            }
        }
    }
    if list(server, "Components").next().is_none() {
        let line = |title: &str, value: &str| format!("  {:<17} {value}\n", format!("{title}:"));
        out.push_str(" Engine:\n");
        out.push_str(&line("Version", text(server, "Version")));
        out.push_str(&line("API version", &format!("{} (minimum version {})", text(server, "ApiVersion"), text(server, "MinAPIVersion"))));
        out.push_str(&line("Go version", text(server, "GoVersion")));
        out.push_str(&line("Git commit", text(server, "GitCommit")));
        out.push_str(&line("Built", &built(text(server, "BuildTime"))));
        out.push_str(&line("OS/Arch", &format!("{}/{}", text(server, "Os"), text(server, "Arch"))));
    }
    out
}

/// Puts the time of the engine's build into the manner of `date` where its components are told of, and there alone.
fn date_builds(server: &mut Json) {
    for component in server.get_mut("Components").and_then(Json::as_array_mut).into_iter().flatten() {
        if text(component, "Name") == "Engine"
            && let Some(time) = component.get_mut("Details").and_then(|details| details.get_mut("BuildTime"))
        {
            *time = Json::from(built(time.as_str().unwrap_or_default()));
        }
    }
}

/// A build's time in the manner of `date`.
fn built(stamp: &str) -> String {
    match stamp.parse::<jiff::Timestamp>() {
        Ok(time) => time.strftime("%a %b %e %H:%M:%S %Y").to_string(),
        Err(_) => stamp.to_owned(),
    }
}
