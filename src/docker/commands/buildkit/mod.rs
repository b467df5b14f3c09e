//! `docker build` as BuildKit's client does it: the engine asks for the files that it needs in a session, and tells of the build
//! meanwhile.
//!
//! `inputs` finds the files, `order`, `outputs` and `question` read the flags, `session` answers the engine, `solve` asks it and shows the build.

mod agents;
mod choice;
mod content;
pub mod csv;
mod inputs;
mod keys;
mod order;
mod outputs;
mod push;
mod question;
mod secrets;
mod session;
mod solve;

use std::io::IsTerminal;
use std::path::Path;
use std::sync::{Arc, Mutex};

use serde_json::{Map, Value as Json};

use super::build;
use crate::buildkit::connection::calling;
use crate::buildkit::{Caller, Status};
use crate::docker::client::Request;
use crate::docker::cmdline::Matches;
use crate::docker::context::Context;
use crate::docker::failure::{Failure, Kind, Outcome};
use crate::docker::progressui::{Display, Mode, excerpt};
use crate::docker::reference::Reference;
use session::Offers;
use solve::{Made, Order, solve};

/// Flags of BuildKit's client that ask for what this engine does not have.
const ABSENT: [(&str, &str, &str); 4] = [
    ("cache-to", "Cache export", "build-cache-backends"),
    ("sbom", "Attestation", "attestations"),
    ("attest", "Attestation", "attestations"),
    ("provenance", "Attestation", "attestations"),
];

/// `docker build PATH|-`.
pub async fn build(c: &Context, m: &Matches) -> Outcome {
    match run(c, m).await {
        Err(failure) if failure.text.is_empty() || failure.text.starts_with("ERROR: ") => Err(failure),
        Err(failure) => Err(Failure { text: format!("ERROR: {}", failure.text), ..failure }),
        done => done,
    }
}

/// What Docker's engine has no part for, in the words of its client.
fn not_supported(what: &str, page: &str) -> Failure {
    Failure::new(format!(
        "{what} is not supported for the docker driver.\nSwitch to a different driver, or turn on the containerd image store, and try \
         again.\nLearn more at https://docs.docker.com/go/{page}/"
    ))
}

async fn run(c: &Context, m: &Matches) -> Outcome {
    let mode = mode(m)?;
    for (flag, what, page) in ABSENT {
        let inline = |text: &str| flag == "cache-to" && text == "type=inline";
        if m.all(flag).chain(m.get(flag)).any(|text| !["", "false"].contains(&text) && !inline(text)) {
            return Err(not_supported(what, page));
        }
    }
    inputs::check(m)?;
    for tag in m.all("tag") {
        Reference::parse(tag)
            .map_err(|e| Failure { text: format!("invalid tag {}: {}", crate::docker::units::quote(tag), e.text), ..e })?;
    }
    let mut attributes = order::attributes(m)?;
    let allowed = order::allowed(m)?;
    let outputs = outputs::read(m)?;
    let secrets = secrets::read(m)?;
    let agents = agents::read_flags(m)?;
    let question = question::read(m)?;
    let Some(engine) = engine(c).await? else {
        c.warn_line("This engine does not speak BuildKit's protocol: its classic builder builds instead.");
        return build::classic(c, m).await;
    };
    build::forget_id(m)?;
    let inputs = inputs::find(m)?;
    attributes.extend(inputs.attributes);
    if let Some(question) = &question {
        attributes.insert("requestid".to_owned(), question.name.clone());
        attributes.insert("frontend.caps".to_owned(), "moby.buildkit.frontend.subrequests+forward".to_owned());
    }
    let offers = Arc::new(Offers {
        id: random(),
        folders: inputs.folders,
        upload: Mutex::new(inputs.upload),
        secrets,
        agents,
        keep: outputs.keep,
        layouts: inputs.layouts,
        config: c.config.clone(),
    });
    let mut request = Request::post("/session");
    for (name, value) in offers.headers(&inputs.key) {
        request = request.header(name, value);
    }
    let session = c.client()?.upgrade(request, "h2c").await?;
    tokio::spawn(Arc::clone(&offers).serve(session));
    let order = Order {
        reference: random(),
        session: offers.id.clone(),
        allowed,
        inline: m.all("cache-to").any(|text| text == "type=inline"),
        attributes,
        exporters: if question.is_some() { Vec::new() } else { outputs.exporters },
    };
    let mut display = Display::new(mode);
    display.warns = question.is_none();
    let made = solve(&engine, order, &mut display).await;
    let mut pushed = Ok(());
    if made.is_ok() && question.is_none() {
        for name in &outputs.pushed {
            pushed = push::push(c, name, &mut display).await;
            if pushed.is_err() {
                break;
            }
        }
    }
    solve::write(&display.done());
    let made = made.map_err(|status| failure(&status))?;
    pushed?;
    match question {
        Some(question) => question.show(c, &made),
        None => finish(c, m, &made),
    }
}

/// A connection that takes BuildKit's calls; none where the engine knows nothing of it.
async fn engine(c: &Context) -> Result<Option<Caller>, Failure> {
    let connection = match c.client()?.upgrade(Request::post("/grpc"), "h2c").await {
        Ok(connection) => connection,
        Err(failure) if matches!(failure.kind, Kind::Engine(404 | 405 | 501)) => return Ok(None),
        Err(failure) => return Err(failure),
    };
    let (caller, driven) = calling(connection).await.map_err(|status| failure(&status))?;
    tokio::spawn(driven);
    Ok(Some(caller))
}

/// A build's failure; the lines that it is about are shown now.
fn failure(status: &Status) -> Failure {
    if let Some(source) = status.source() {
        solve::write(&excerpt(&source));
    }
    Failure::new(format!("ERROR: failed to solve: {}", status.0.message))
}

/// A name that nobody else has.
fn random() -> String {
    let mut random = [0u8; 16];
    // Without randomness names are only less hard to guess.
    let _ = rustix::rand::getrandom(&mut random, rustix::rand::GetRandomFlags::empty());
    random.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// How the build shall be shown.
fn mode(m: &Matches) -> Result<Mode, Failure> {
    let wanted = match m.text("progress") {
        "" | "auto" => std::env::var("BUILDKIT_PROGRESS").unwrap_or_default(),
        given => given.to_owned(),
    };
    if m.on("quiet") {
        if !["", "auto", "quiet"].contains(&wanted.as_str()) && m.given("progress") {
            return Err(Failure::new(format!("progress={wanted} and quiet cannot be used together")));
        }
        return Ok(Mode::Quiet);
    }
    let terminal = std::io::stderr().is_terminal();
    match wanted.as_str() {
        "" | "auto" if terminal => Ok(Mode::Tty),
        "" | "auto" | "plain" => Ok(Mode::Plain),
        "tty" if terminal => Ok(Mode::Tty),
        "tty" => Err(Failure::new("failed to get console: provided file is not a console")),
        "quiet" => Ok(Mode::Quiet),
        "rawjson" => Ok(Mode::RawJson),
        other => Err(Failure::new(format!("invalid progress mode {other}: there are auto, plain, tty, quiet and rawjson"))),
    }
}

/// Writes down what was built, where the user wants it.
fn finish(c: &Context, m: &Matches, made: &Made) -> Outcome {
    let said = |key: &str| made.said.get(key).cloned().filter(|value| !value.is_empty());
    let id = said("containerimage.config.digest").or_else(|| said("containerimage.digest")).unwrap_or_default();
    if let Some(path) = m.get("iidfile").filter(|p| !p.is_empty()) {
        std::fs::write(Path::new(path), &id)?;
    }
    if let Some(path) = m.get("metadata-file").filter(|p| !p.is_empty()) {
        let fields: Map<String, Json> = made.said.iter().map(|(key, value)| (key.clone(), plain(key, value))).collect();
        std::fs::write(Path::new(path), serde_json::to_vec_pretty(&Json::Object(fields)).unwrap_or_default())?;
    }
    if m.on("quiet") && !id.is_empty() {
        c.line(id);
    }
    Ok(0)
}

/// A value as it is written down; what is JSON in base64 is written as that.
fn plain(key: &str, value: &str) -> Json {
    let decoded = || serde_json::from_slice(&crate::base64::decode(value)?).ok();
    let encoded = key == "containerimage.descriptor";
    encoded.then(decoded).flatten().unwrap_or_else(|| value.into())
}
