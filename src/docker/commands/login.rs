//! `docker login` and `docker logout`: the engine checks the credentials, the client keeps them in its configuration.

use std::io::Read;

use serde_json::{Value as Json, json};

use super::shared::text;
use crate::docker::client::Request;
use crate::docker::cmdline::Matches;
use crate::docker::context::Context;
use crate::docker::credentials::{self, Login};
use crate::docker::failure::{Failure, Outcome};

/// The registry that is meant where none is named.
const HUB: &str = "https://index.docker.io/v1/";

/// The name under which a registry is kept: without scheme and path.
fn server_name(given: Option<&String>) -> String {
    match given.map(|s| s.trim()) {
        None | Some("" | "docker.io" | "registry-1.docker.io" | "index.docker.io") => HUB.to_owned(),
        Some(server) if server == HUB => HUB.to_owned(),
        Some(server) => {
            let server = server.trim_start_matches("https://").trim_start_matches("http://");
            server.split('/').next().unwrap_or_default().to_owned()
        }
    }
}

/// `docker login [SERVER]`.
pub async fn login(c: &Context, m: &Matches) -> Outcome {
    if m.given("password") && m.on("password-stdin") {
        return Err(Failure::new("conflicting options: cannot specify both --password and --password-stdin"));
    }
    let server = server_name(m.args.first());
    let mut user = m.text("username").to_owned();
    let mut password = m.text("password").to_owned();
    if m.given("password") {
        c.warn_line("WARNING! Using --password via the CLI is insecure. Use --password-stdin.");
    }
    if m.on("password-stdin") {
        if user.is_empty() {
            return Err(Failure::new("the --password-stdin option requires --username to be set"));
        }
        std::io::stdin().read_to_string(&mut password)?;
        password = password.trim_end_matches(['\r', '\n']).to_owned();
    }
    if user.is_empty() || password.is_empty() {
        if !c.stdin_is_terminal() {
            return Err(Failure::new("Error: Cannot perform an interactive login from a non TTY device"));
        }
        if user.is_empty() {
            user = ask(c, "Username: ", true)?;
        }
        if password.is_empty() {
            password = ask(c, "Password: ", false)?;
        }
    }
    if user.is_empty() {
        return Err(Failure::new("Error: Non-null Username Required"));
    }
    if password.is_empty() {
        return Err(Failure::new("Error: Password Required"));
    }
    let body = json!({"username": user, "password": password, "serveraddress": server});
    let answer = c.client()?.send(Request::post("/auth").json(&body)).await?;
    let said = answer.json().await.unwrap_or(Json::Null);
    keep(c, &server, &user, &password)?;
    let status = text(&said, "Status");
    c.line(if status.is_empty() { "Login Succeeded" } else { status });
    Ok(0)
}

fn keep(c: &Context, server: &str, user: &str, password: &str) -> Result<(), Failure> {
    let login = Login { user: user.to_owned(), password: password.to_owned() };
    if credentials::store(&c.config, server, &login)? {
        c.warn(format!(
            "\nWARNING! Your credentials are stored unencrypted in '{}/config.json'.\n\
             Configure a credential helper to remove this warning. See\n\
             https://docs.docker.com/go/credential-store/\n\n",
            c.config
        ));
    }
    Ok(())
}

/// Asks on the terminal; a password is not shown.
fn ask(c: &Context, prompt: &str, shown: bool) -> Result<String, Failure> {
    c.print(prompt);
    let hidden = if shown { None } else { crate::docker::terminal::NoEcho::enter() };
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer)?;
    if hidden.is_some() {
        c.line("");
    }
    Ok(answer.trim().to_owned())
}

/// `docker logout [SERVER]`.
pub async fn logout(c: &Context, m: &Matches) -> Outcome {
    let server = server_name(m.args.first());
    c.line(format!("Removing login credentials for {server}"));
    // Former clients kept a registry under its address, too.
    let mut names = vec![server.clone()];
    if server != HUB {
        names.extend([server.clone(), format!("http://{server}"), format!("https://{server}")]);
    }
    let mut failures: Vec<String> = Vec::new();
    for name in names {
        if let Err(failure) = credentials::erase(&c.config, &name) {
            failures.push(format!("{name}: {}", failure.text));
        }
    }
    failures.dedup();
    if !failures.is_empty() {
        c.warn_line("WARNING: could not erase credentials:");
        failures.iter().for_each(|failure| c.warn_line(failure));
    }
    Ok(0)
}
