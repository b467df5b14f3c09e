//! `docker build` as BuildKit's client shows it: the context goes to the engine, its trace comes back.

use std::collections::BTreeMap;
use std::io::{IsTerminal, Write};
use std::path::Path;

use serde_json::{Map, Value as Json, json};
use tokio::sync::mpsc;

use super::build::{self, Sink};
use super::build_context;
use crate::base64;
use crate::docker::client::{Answer, Outgoing};
use crate::docker::cmdline::Matches;
use crate::docker::context::Context;
use crate::docker::failure::{Failure, Kind, Outcome};
use crate::docker::progressui::{Display, Mode, TICK, excerpt, report};
use crate::docker::reference::Reference;
use crate::trace::{self, News, Source};

/// As much as all secrets of a build may be: they go in a header.
const SECRETS_MAX: usize = 200 << 10;

/// Flags of BuildKit's client that ask for what this engine does not have.
const ABSENT: [(&str, &str); 5] = [
    ("push", "build, then use `docker push`"),
    ("ssh", "no agent is forwarded here: use --secret"),
    ("cache-to", "this engine keeps its cache by itself"),
    ("sbom", "this engine makes no attestations"),
    ("attest", "this engine makes no attestations"),
];

/// `docker build PATH|-`.
pub async fn build(c: &Context, m: &Matches) -> Outcome {
    match run(c, m).await {
        Err(failure) if failure.text.is_empty() || failure.text.starts_with("ERROR: ") => Err(failure),
        Err(failure) => Err(Failure { text: format!("ERROR: {}", failure.text), ..failure }),
        done => done,
    }
}

async fn run(c: &Context, m: &Matches) -> Outcome {
    let mode = mode(m)?;
    for (flag, why) in ABSENT {
        if m.given(flag) && !["", "false"].contains(&m.text(flag)) {
            return Err(Failure::new(format!("--{flag} is not supported: {why}")));
        }
    }
    if let Some(output) = m.all("output").find(|output| !output.contains("type=docker") && !output.contains("type=image")) {
        return Err(Failure::new(format!(
            "--output {output} is not supported: this client takes an image and no files; use `docker cp` or `docker save`"
        )));
    }
    if m.args[0] == "-" && m.text("file") == "-" {
        return Err(Failure::new("invalid argument: can't use stdin for both build context and dockerfile"));
    }
    for tag in m.all("tag") {
        Reference::parse(tag)
            .map_err(|e| Failure { text: format!("invalid tag {}: {}", crate::docker::units::quote(tag), e.text), ..e })?;
    }
    let prepare = |e: Failure| Failure { text: format!("unable to prepare context: {}", e.text), ..e };
    let context = build_context::open(&m.args[0], m.text("file"), true).map_err(prepare)?;
    let again = context.is_folder();
    let mut request = build::request(c, m, &context, "2")?;
    let secrets = secrets(m)?;
    if !secrets.is_empty() {
        let encoded = base64::encode(json!(secrets).to_string().as_bytes());
        if encoded.len() > SECRETS_MAX {
            return Err(Failure::new("the secrets are too large: all of them together may be 150 kB"));
        }
        request = request.header("X-Dockside-Build-Secrets", encoded);
    }
    for stage in m.all("no-cache-filter") {
        request = request.query("nocachefilter", stage);
    }
    let check = m.on("check");
    request = request.query_if(check, "check", "1");
    let contexts = contexts(m)?;
    request = request.query_if(!contexts.is_empty(), "contexts", json!(contexts).to_string());
    let (sender, receiver) = mpsc::channel(4);
    let sending = std::thread::spawn(move || context.send(Sink::new(sender, false, false)));
    let answer = match c.client()?.send(request.body(Outgoing::Chunks(receiver))).await {
        Ok(answer) => answer,
        Err(failure) if again && wants_session(&failure) => {
            let _ = sending.join();
            c.warn_line("This engine takes BuildKit's builds from BuildKit's own client only: its classic builder builds instead.");
            return build::classic(c, m).await;
        }
        Err(failure) => {
            // Where the context itself could not be read, that is the reason.
            let sent = sending.join().unwrap_or_else(|_| Err(Failure::new("the build context could not be sent")));
            return Err(sent.err().filter(|e| !e.text.is_empty()).unwrap_or(failure));
        }
    };
    let mut display = Display::new(mode);
    display.warns = !check;
    let id = show(answer, &mut display).await?;
    if check {
        c.print(report(&display.warnings));
        return Ok(u8::from(!display.warnings.is_empty()));
    }
    if id.is_empty() {
        return Err(Failure::new("the engine ended the build without an image"));
    }
    finish(c, m, &id)
}

/// Whether the engine refuses a build because no client stands by that it can ask for files.
fn wants_session(failure: &Failure) -> bool {
    matches!(failure.kind, Kind::Engine(_)) && failure.text.contains("session")
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

/// The secrets of `--secret`, by id, in base64.
fn secrets(m: &Matches) -> Result<BTreeMap<String, String>, Failure> {
    let mut all = BTreeMap::new();
    for text in m.all("secret") {
        let (mut id, mut src, mut env, mut kind) = ("", "", "", "");
        for field in text.split(',') {
            let (key, value) =
                field.split_once('=').ok_or_else(|| Failure::new(format!("invalid field '{field}' must be a key=value pair")))?;
            match key.to_lowercase().as_str() {
                "id" => id = value,
                "source" | "src" => src = value,
                "env" => env = value,
                "type" if ["file", "env"].contains(&value) => kind = value,
                "type" => return Err(Failure::new(format!("unsupported secret type \"{value}\""))),
                _ => return Err(Failure::new(format!("unexpected key '{key}' in '{field}'"))),
            }
        }
        if id.is_empty() {
            return Err(Failure::new("secret missing ID"));
        }
        if kind == "env" && env.is_empty() {
            (env, src) = (src, "");
        }
        // Without a source it is the variable of that name, or else the file.
        let by_name = src.is_empty() && env.is_empty() && std::env::var_os(id).is_some();
        let variable = if by_name { id } else { env };
        let secret = if variable.is_empty() {
            let path = if src.is_empty() { id } else { src };
            std::fs::read(path).map_err(|e| Failure::new(format!("failed to stat {path}: {}", crate::docker::failure::io_words(&e))))?
        } else {
            use std::os::unix::ffi::OsStringExt;
            std::env::var_os(variable).unwrap_or_default().into_vec()
        };
        all.insert(id.to_owned(), base64::encode(&secret));
    }
    Ok(all)
}

/// The images of `--build-context name=docker-image://…`.
fn contexts(m: &Matches) -> Result<BTreeMap<String, String>, Failure> {
    let mut all = BTreeMap::new();
    for text in m.all("build-context") {
        let (name, value) =
            text.split_once('=').ok_or_else(|| Failure::new(format!("invalid context value: {text}, expected key=value")))?;
        let Some(image) = value.strip_prefix("docker-image://") else {
            return Err(Failure::new(format!("--build-context {text} is not supported: this client takes docker-image:// alone")));
        };
        all.insert(name.to_lowercase(), image.to_owned());
    }
    Ok(all)
}

/// Shows the build to its end, and gives the image's id; empty where the engine has made none.
async fn show(mut answer: Answer, display: &mut Display) -> Result<String, Failure> {
    let mut stream = Stream::default();
    let mut ticker = tokio::time::interval_at(tokio::time::Instant::now() + TICK, TICK);
    ticker.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let ended = loop {
        let text = tokio::select! {
            chunk = answer.chunk() => match chunk {
                Ok(Some(bytes)) => match stream.take(&bytes) {
                    Ok(news) => display.update(news),
                    Err(failure) => break Err(failure),
                },
                Ok(None) => break Ok(()),
                Err(failure) => break Err(failure),
            },
            _ = ticker.tick() => display.refresh(),
        };
        write(&text);
    };
    // What came with the end has not been shown.
    write(&display.update(std::mem::take(&mut stream.late)));
    write(&display.done());
    if let Some(message) = stream.failure {
        if let Some(source) = &stream.source {
            write(&excerpt(source));
        }
        return Err(Failure::new(format!("ERROR: failed to solve: {message}")));
    }
    ended?;
    Ok(stream.id)
}

fn write(text: &str) {
    if !text.is_empty() {
        // Nobody may read it.
        let _ = std::io::stderr().lock().write_all(text.as_bytes());
    }
}

/// The messages of a build, put together out of pieces.
#[derive(Default)]
struct Stream {
    buffer: Vec<u8>,
    id: String,
    source: Option<Source>,
    failure: Option<String>,
    late: News,
}

impl Stream {
    /// Takes in a piece; gives the news in it.
    fn take(&mut self, bytes: &[u8]) -> Result<News, Failure> {
        self.buffer.extend_from_slice(bytes);
        let buffer = std::mem::take(&mut self.buffer);
        let mut messages = serde_json::Deserializer::from_slice(&buffer).into_iter::<Json>();
        let mut news = News::default();
        let mut used = 0;
        while let Some(next) = messages.next() {
            match next {
                Ok(message) => {
                    used = messages.byte_offset();
                    self.message(&message, &mut news);
                }
                Err(e) if e.is_eof() => break,
                Err(e) => return Err(Failure::new(format!("the engine sent something else than a build's messages: {e}"))),
            }
        }
        self.buffer = buffer[used..].to_vec();
        Ok(news)
    }

    fn message(&mut self, message: &Json, news: &mut News) {
        let aux = message.get("aux").filter(|aux| !aux.is_null());
        match (message.get("id").and_then(Json::as_str), aux) {
            (Some("moby.buildkit.trace"), Some(aux)) => {
                let decoded = aux.as_str().and_then(base64::decode).and_then(|bytes| trace::wire::decode(&bytes));
                if let Some(mut more) = decoded {
                    news.vertexes.append(&mut more.vertexes);
                    news.statuses.append(&mut more.statuses);
                    news.logs.append(&mut more.logs);
                    news.warnings.append(&mut more.warnings);
                }
            }
            (Some("dockside.build.source"), Some(aux)) => self.source = serde_json::from_value(aux.clone()).ok(),
            (_, Some(aux)) => {
                if let Some(id) = aux.get("ID").and_then(Json::as_str) {
                    id.clone_into(&mut self.id);
                }
            }
            _ => {}
        }
        let detail = message.get("errorDetail").and_then(|detail| detail.get("message")).or_else(|| message.get("error"));
        if let Some(error) = detail.and_then(Json::as_str) {
            self.failure = Some(error.to_owned());
        }
    }
}

/// Writes down what was built, where the user wants it.
fn finish(c: &Context, m: &Matches, id: &str) -> Outcome {
    if let Some(path) = m.get("iidfile").filter(|p| !p.is_empty()) {
        std::fs::write(Path::new(path), id)?;
    }
    if let Some(path) = m.get("metadata-file").filter(|p| !p.is_empty()) {
        let mut fields = Map::new();
        fields.insert("containerimage.config.digest".to_owned(), id.into());
        fields.insert("containerimage.digest".to_owned(), id.into());
        let full = |tag| {
            let mut reference = Reference::parse(tag).ok()?;
            reference.default_tag();
            Some(reference.full())
        };
        let names: Vec<String> = m.all("tag").filter_map(full).collect();
        if !names.is_empty() {
            fields.insert("image.name".to_owned(), names.join(",").into());
        }
        std::fs::write(Path::new(path), serde_json::to_vec_pretty(&Json::Object(fields)).unwrap_or_default())?;
    }
    if m.on("quiet") {
        c.line(id);
    }
    Ok(0)
}
