//! Credentials of registries: in the configuration, or with a program `docker-credential-NAME` that the configuration names for all
//! registries (`credsStore`) or for one (`credHelpers`).

use std::io::Write as _;
use std::process::{Command, Stdio};

use serde_json::{Value as Json, json};

use super::config;
use super::failure::Failure;
use crate::base64;
use crate::units::go_words;

/// What a registry is told.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Login {
    pub user: String,
    pub password: String,
    /// What its token server has handed out instead of the password, if it has.
    pub identity: String,
    /// A token for the registry itself, which somebody has put into the configuration.
    pub token: String,
}

/// The user's name by which helpers say that the secret is a token.
const TOKEN: &str = "<token>";

/// The helper that keeps the credentials of `server`; `None` where the configuration itself does.
pub fn helper(folder: &str, server: &str) -> Option<String> {
    let config = config::load(folder);
    let named = config.get("credHelpers").and_then(|all| all.get(server)).or_else(|| config.get("credsStore"));
    named.and_then(Json::as_str).filter(|name| !name.is_empty()).map(str::to_owned)
}

/// Runs a helper; gives what it printed.
fn ask(helper: &str, verb: &str, input: &str) -> Result<String, String> {
    let program = format!("docker-credential-{helper}");
    let spawned = Command::new(&program).arg(verb).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn();
    let mut child = spawned.map_err(|e| match e.kind() {
        std::io::ErrorKind::NotFound => format!("err: exec: \"{program}\": executable file not found in $PATH, out: ``"),
        _ => format!("err: {}, out: ``", go_words(&e)),
    })?;
    if let Some(mut stdin) = child.stdin.take() {
        // One that does not read has said what it has to say.
        let _ = stdin.write_all(input.as_bytes());
    }
    let output = child.wait_with_output().map_err(|e| format!("err: {}, out: ``", go_words(&e)))?;
    let said = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    match output.status.code() {
        Some(0) => Ok(said),
        Some(code) => Err(format!("err: exit status {code}, out: `{said}`")),
        None => Err(format!("err: signal: killed, out: `{said}`")),
    }
}

/// The credentials for `server`, as they are kept.
pub fn get(folder: &str, server: &str) -> Option<Login> {
    let Some(helper) = helper(folder, server) else { return kept(config::load(folder).get("auths")?.get(server)?) };
    let said: Json = serde_json::from_str(&ask(&helper, "get", server).ok()?).ok()?;
    let text = |key: &str| said.get(key).and_then(Json::as_str).unwrap_or_default().to_owned();
    match text("Username") {
        user if user.is_empty() => None,
        user if user == TOKEN => Some(Login { identity: text("Secret"), ..Login::default() }),
        user => Some(Login { user, password: text("Secret"), ..Login::default() }),
    }
}

/// An entry of the configuration's own.
fn kept(entry: &Json) -> Option<Login> {
    let text = |key: &str| entry.get(key).and_then(Json::as_str).unwrap_or_default();
    let pair = base64::decode(text("auth")).and_then(|auth| String::from_utf8(auth).ok()).unwrap_or_default();
    let (user, password) = pair.split_once(':').unwrap_or_default();
    let login = Login {
        user: user.to_owned(),
        password: password.trim_end_matches('\0').to_owned(),
        identity: text("identitytoken").to_owned(),
        token: text("registrytoken").to_owned(),
    };
    (login != Login::default()).then_some(login)
}

/// All servers whose credentials are known.
pub fn servers(folder: &str) -> Vec<String> {
    let config = config::load(folder);
    let keys =
        |key: &str| config.get(key).and_then(Json::as_object).into_iter().flatten().map(|(server, _)| server.clone()).collect::<Vec<_>>();
    let mut all = keys("auths");
    all.extend(keys("credHelpers"));
    if let Some(store) = config.get("credsStore").and_then(Json::as_str).filter(|s| !s.is_empty())
        && let Some(Json::Object(listed)) = ask(store, "list", "").ok().and_then(|said| serde_json::from_str(&said).ok())
    {
        all.extend(listed.into_iter().map(|(server, _)| server));
    }
    all.sort_unstable();
    all.dedup();
    all
}

/// Keeps credentials; true where they stand in the configuration for all who can read it.
pub fn store(folder: &str, server: &str, login: &Login) -> Result<bool, Failure> {
    let mut config = config::load(folder);
    let helper = helper(folder, server);
    match &helper {
        Some(helper) => {
            let (user, secret) = match login.identity.as_str() {
                "" => (login.user.as_str(), login.password.as_str()),
                token => (TOKEN, token),
            };
            let entry = json!({ "ServerURL": server, "Username": user, "Secret": secret });
            ask(helper, "store", &entry.to_string())
                .map_err(|why| Failure::new(format!("Error saving credentials: error storing credentials - {why}")))?;
            // Which servers there are stands in the configuration all the same.
            keep(&mut config, server, json!({}));
        }
        None => {
            let pair = format!("{}:{}", login.user, login.password);
            let mut entry = json!({ "auth": base64::encode(pair.as_bytes()) });
            if !login.identity.is_empty() {
                entry["identitytoken"] = login.identity.as_str().into();
            }
            keep(&mut config, server, entry);
        }
    }
    config::save(folder, &config)?;
    Ok(helper.is_none())
}

/// Puts an entry into the configuration; what stands in the place of entries and is none makes room.
fn keep(config: &mut Json, server: &str, entry: Json) {
    if !config["auths"].is_object() {
        config["auths"] = json!({});
    }
    config["auths"][server] = entry;
}

/// Forgets credentials.
pub fn erase(folder: &str, server: &str) -> Result<(), Failure> {
    if let Some(helper) = helper(folder, server) {
        ask(&helper, "erase", server).map_err(|why| Failure::new(format!("error erasing credentials - {why}")))?;
    }
    let mut config = config::load(folder);
    let known = config.get_mut("auths").and_then(Json::as_object_mut).is_some_and(|auths| auths.shift_remove(server).is_some());
    if known { config::save(folder, &config) } else { Ok(()) }
}

/// Credentials as a request has them.
pub fn to_json(login: &Login, server: &str) -> Json {
    let mut json = json!({ "username": login.user, "password": login.password, "serveraddress": server });
    for (key, token) in [("identitytoken", &login.identity), ("registrytoken", &login.token)] {
        if !token.is_empty() {
            json[key] = token.as_str().into();
        }
    }
    json
}
