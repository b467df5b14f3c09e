//! `docker login` and `docker logout`: the engine checks the credentials, the client keeps them in its configuration.

use std::io::{IsTerminal as _, Read as _};

use serde_json::Value as Json;

use super::shared::text;
use crate::docker::client::Request;
use crate::docker::cmdline::Matches;
use crate::docker::context::Context;
use crate::docker::credentials::{self, Login};
use crate::docker::failure::{Failure, Outcome};
use crate::docker::prompt;
use crate::docker::units::parse_bool;

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

/// `docker login [SERVER]`: with what is known of the registry's user, unless another is named.
pub async fn login(c: &Context, m: &Matches) -> Outcome {
    if m.given("password") && m.on("password-stdin") {
        return Err(Failure::new("conflicting options: cannot specify both --password and --password-stdin"));
    }
    let server = server_name(m.args.first());
    let given = given(c, m)?;
    let mut known = String::new();
    if given.user.is_empty()
        && given.password.is_empty()
        && let Some(login) = credentials::get(&c.config, &server).filter(|login| !login.user.is_empty() && !login.password.is_empty())
    {
        c.warn_line(format!("Authenticating with existing credentials... [Username: {}]", login.user));
        note(c, "To login with a different account, run 'docker logout' followed by 'docker login'");
        c.warn("\n\n");
        match try_login(c, &server, login.clone()).await {
            Ok((said, _)) => {
                c.line(said);
                return Ok(0);
            }
            Err(failure) => c.warn(format!("\nLogin did not succeed, error: {}\n", failure.text)),
        }
        known = login.user;
    }
    let login = asked(c, &server, given, &known).await?;
    let (said, login) = try_login(c, &server, login).await?;
    keep(c, &server, &login)?;
    c.line(said);
    Ok(0)
}

/// What the command line and, where that says so, standard input give.
fn given(c: &Context, m: &Matches) -> Result<Login, Failure> {
    let mut login = Login { user: m.text("username").to_owned(), password: m.text("password").to_owned(), ..Login::default() };
    if m.given("password") {
        c.warn_line("WARNING! Using --password via the CLI is insecure. Use --password-stdin.");
    }
    if m.on("password-stdin") {
        if login.user.is_empty() {
            return Err(Failure::new("the --password-stdin option requires --username to be set"));
        }
        std::io::stdin().read_to_string(&mut login.password)?;
        login.password.truncate(login.password.trim_end_matches(['\r', '\n']).len());
    }
    Ok(login)
}

/// Asks for what is not given; `known` is the user that is meant by an empty line.
async fn asked(c: &Context, server: &str, given: Login, known: &str) -> Result<Login, Failure> {
    let Login { mut user, mut password, .. } = given;
    if (user.is_empty() || password.is_empty()) && !c.stdin_is_terminal() {
        return Err(Failure::new("Error: Cannot perform an interactive login from a non TTY device"));
    }
    if user.is_empty() {
        if server == HUB {
            c.line(ABOUT_HUB);
            if std::env::var("DOCKER_CLI_HINTS").ok().and_then(|v| parse_bool(&v)) != Some(false) {
                c.line(format!("{ABOUT_TOKENS}\n"));
            }
        }
        let question = if known.is_empty() { "Username: ".to_owned() } else { format!("Username ({known}): ") };
        user = prompt::line(c, &question).await?;
        if user.is_empty() {
            known.clone_into(&mut user);
        }
    }
    if user.is_empty() {
        return Err(Failure::new("Error: Non-null Username Required"));
    }
    if password.is_empty() {
        if server == HUB {
            note(c, TOKENS_DO);
        }
        password = prompt::hidden_line(c, "Password: ").await?;
    }
    if password.is_empty() {
        return Err(Failure::new("Error: Password Required"));
    }
    Ok(Login { user, password, ..Login::default() })
}

/// What users of the registry that is meant by no name are told.
const ABOUT_HUB: &str = "Log in with your Docker ID or email address to push and pull images from Docker Hub. If you don't have a Docker ID, head over to https://hub.docker.com/ to create one.";
const ABOUT_TOKENS: &str = "You can log in with your password or a Personal Access Token (PAT). Using a limited-scope PAT grants better security and is required for organizations using SSO. Learn more at https://docs.docker.com/go/access-tokens/";
const TOKENS_DO: &str =
    "A Personal Access Token (PAT) can be used instead.\nTo create a PAT, visit \x1b[4mhttps://app.docker.com/settings\x1b[0m\n\n";

/// Says something by the way, with a sign in front where there is a terminal.
fn note(c: &Context, text: &str) {
    let terminal = std::io::stderr().is_terminal();
    let head = if terminal { "\x1b[1m\x1b[106m\x1b[30mi\x1b[0m\x1b[0m \x1b[96mInfo → \x1b[0m\x1b[0m" } else { " Info -> " };
    let line = |line: &str| if terminal { format!("\x1b[3m{line}\x1b[0m") } else { line.to_owned() };
    let lines: Vec<String> = text.split('\n').map(line).collect();
    c.warn_line(format!("\n{head}{}", lines.join("\n         ")));
}

/// Has the engine try; gives what it says and what is to be kept: where the registry hands out a token for it, not the password.
async fn try_login(c: &Context, server: &str, mut login: Login) -> Result<(String, Login), Failure> {
    let answer = c.client()?.send(Request::post("/auth").json(&credentials::to_json(&login, server))).await?;
    let said = answer.json().await.unwrap_or(Json::Null);
    let identity = text(&said, "IdentityToken");
    if !identity.is_empty() {
        login = Login { user: login.user, identity: identity.to_owned(), ..Login::default() };
    }
    Ok(match text(&said, "Status") {
        "" => ("Login Succeeded".to_owned(), login),
        status => (status.to_owned(), login),
    })
}

fn keep(c: &Context, server: &str, login: &Login) -> Result<(), Failure> {
    if credentials::store(&c.config, server, login)? {
        c.warn(format!(
            "\nWARNING! Your credentials are stored unencrypted in '{}/config.json'.\n\
             Configure a credential helper to remove this warning. See\n\
             https://docs.docker.com/go/credential-store/\n\n",
            c.config
        ));
    }
    Ok(())
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
