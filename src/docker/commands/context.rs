//! `docker context …`: the engines that the user has given names, and which of them is in use.

use std::collections::BTreeMap;
use std::io::Read as _;

use serde_json::{Map, Value as Json, json};

use super::inspect::{Found, Report};
use crate::docker::cmdline::Matches;
use crate::docker::config;
use crate::docker::context::Context;
use crate::docker::contexts::{self, DEFAULT, DOCKER, Meta, Store};
use crate::docker::failure::{Failure, Outcome};
use crate::docker::format::{Format, Row, RowKind};
use crate::docker::host::{Host, Wrong};
use crate::docker::template::types::{self, Type};
use crate::docker::tls;
use crate::docker::units::{ellipsis, parse_bool, quote};
use crate::docker::zip;
use crate::units::go_words;

static CONTEXT: RowKind = RowKind {
    type_name: "*formatter.clientContextContext",
    fields: &[("Name", "NAME"), ("Description", "DESCRIPTION"), ("DockerEndpoint", "DOCKER ENDPOINT"), ("Current", ""), ("Error", "ERROR")],
    parse_error: "template parsing error",
    execute_error: "template parsing error",
    raw: "",
};

/// How much of an error fits into a table.
const ERROR_WIDTH: usize = 45;

/// A context by its name, the default one too.
fn find(c: &Context, name: &str) -> Result<Meta, Failure> {
    match name {
        DEFAULT => Ok(Meta::new(DEFAULT, &c.default_address()?, false)),
        _ => c.contexts.get(name),
    }
}

/// Warns of the variable that outweighs what was just said.
fn overridden(c: &Context, what: &str) {
    if std::env::var("DOCKER_HOST").is_ok_and(|host| !host.is_empty()) {
        c.warn_line(format!(
            "Warning: DOCKER_HOST environment variable overrides the active context. \
             To use {what}, either set the global --context flag, or unset DOCKER_HOST environment variable."
        ));
    }
}

/// `docker context ls`.
pub async fn list(c: &Context, m: &Matches) -> Outcome {
    let format = Format::new(
        &CONTEXT,
        m.text("format"),
        "{{.Name}}{{if .Current}} *{{end}}\t{{.Description}}\t{{.DockerEndpoint}}\t{{.Error}}",
        m.on("quiet").then_some("{{.Name}}"),
    )?;
    let table = matches!(m.text("format"), "" | "table");
    let mut all = c.contexts.list()?;
    all.push(find(c, DEFAULT)?);
    let lost = if all.iter().any(|meta| meta.name == c.name) { None } else { c.contexts.get(&c.name).err() };
    if lost.is_some() {
        all.push(Meta { name: c.name.clone(), metadata: json!({}), endpoints: json!({}) });
    }
    all.sort_by_cached_key(|meta| super::volume::natural(&meta.name));
    let rows = all.iter().map(|meta| {
        let current = meta.name == c.name;
        let error = match &lost {
            Some(failure) if current => failure.text.as_str(),
            _ => "",
        };
        let error = if table { ellipsis(error, ERROR_WIDTH) } else { error.to_owned() };
        Row {
            kind: &CONTEXT,
            labels: None,
            json: None,
            created: None,
            values: vec![
                ("Name", json!(meta.name)),
                ("Description", json!(meta.description())),
                ("DockerEndpoint", json!(meta.host())),
                ("Current", json!(current)),
                ("Error", json!(error)),
            ],
        }
    });
    c.print(format.render(rows.collect::<Vec<_>>())?);
    overridden(c, "a context");
    Ok(0)
}

/// `docker context show`.
pub async fn show(c: &Context, _m: &Matches) -> Outcome {
    c.line(&c.name);
    Ok(0)
}

/// `docker context inspect [NAME …]`.
pub async fn inspect(c: &Context, m: &Matches) -> Outcome {
    let mut report = Report::new(m.text("format"))?;
    let current = [c.name.clone()];
    for name in if m.args.is_empty() { &current[..] } else { &m.args[..] } {
        report.add(find(c, name).map(|meta| document(c, &meta)));
    }
    report.finish(c)
}

/// All about a context.
fn document(c: &Context, meta: &Meta) -> Found {
    let mut json = meta.to_json();
    let keys = if meta.name == DEFAULT { Vec::new() } else { c.contexts.tls_files(&meta.name) };
    json["TLSMaterial"] = Json::Object(keys.into_iter().map(|(endpoint, files)| (endpoint, json!(files))).collect::<Map<_, _>>());
    let place = |path: std::path::PathBuf| if meta.name == DEFAULT { json!("<IN MEMORY>") } else { json!(path) };
    json["Storage"] = json!({
        "MetadataPath": place(c.contexts.meta_folder(&meta.name)),
        "TLSPath": place(c.contexts.tls_folder(&meta.name)),
    });
    Found { json, kind: Type::Struct(&types::client::CONTEXT), raw: None }
}

/// `docker context use NAME`.
pub async fn choose(c: &Context, m: &Matches) -> Outcome {
    let name = m.args[0].as_str();
    if name != DEFAULT {
        contexts::check_name(name)?;
        c.contexts.get(name)?;
    }
    keep_current(c, if name == DEFAULT { "" } else { name })?;
    c.line(name);
    c.warn_line(format!("Current context is now {}", quote(name)));
    if name != DEFAULT {
        overridden(c, &quote(name));
    }
    Ok(0)
}

/// Writes down which context is in use; nothing means the default one.
fn keep_current(c: &Context, name: &str) -> Result<(), Failure> {
    let mut stored = config::load(&c.config);
    if stored.get("currentContext").and_then(Json::as_str).unwrap_or_default() == name {
        return Ok(());
    }
    let Json::Object(fields) = &mut stored else { return Ok(()) };
    fields.entry("auths").or_insert_with(|| json!({}));
    match name {
        "" => drop(fields.shift_remove("currentContext")),
        name => drop(fields.insert("currentContext".to_owned(), json!(name))),
    }
    config::save(&c.config, &stored)
}

/// `docker context rm NAME …`.
pub async fn remove(c: &Context, m: &Matches) -> Outcome {
    let mut failures = Vec::new();
    for name in &m.args {
        match remove_one(c, name, m.on("force")) {
            Ok(()) => c.line(name),
            Err(failure) => failures.push(failure),
        }
    }
    super::shared::together(failures)
}

fn remove_one(c: &Context, name: &str, force: bool) -> Result<(), Failure> {
    if name == DEFAULT {
        return Err(Failure::new("context \"default\" cannot be removed"));
    }
    if name == c.name {
        if !force {
            return Err(Failure::new(format!("context {} is in use, set -f flag to force remove", quote(name))));
        }
        keep_current(c, "")?;
    }
    if !force && !c.contexts.meta_folder(name).exists() {
        return Err(Failure::new(format!("context {} does not exist", quote(name))));
    }
    c.contexts.remove(name)
}

/// Refuses a name that no new context can have.
fn check_new(c: &Context, name: &str) -> Result<(), Failure> {
    contexts::check_name(name)?;
    match c.contexts.get(name) {
        Ok(_) => Err(Failure::new(format!("context {} already exists", quote(name)))),
        Err(_) => Ok(()),
    }
}

/// `docker context create NAME`.
pub async fn create(c: &Context, m: &Matches) -> Outcome {
    let name = m.args[0].as_str();
    check_new(c, name)?;
    let from = m.get("from").filter(|from| !from.is_empty());
    if m.given("docker") && from.is_none() {
        let (endpoint, keys) = endpoint(c, m)?;
        let mut meta = Meta { name: name.to_owned(), metadata: json!({}), endpoints: json!({ DOCKER: endpoint }) };
        meta.describe(m.text("description"));
        c.contexts.put(&meta)?;
        c.contexts.set_tls(name, DOCKER, &keys)?;
    } else {
        if m.given("docker") {
            return Err(Failure::new("cannot use --docker flag when --from is set"));
        }
        let from = from.unwrap_or(&c.name);
        let mut meta = find(c, from)?;
        // The default context's description is part of what is copied.
        let description = meta.description().to_owned();
        name.clone_into(&mut meta.name);
        meta.describe(&description);
        meta.describe(m.text("description"));
        c.contexts.put(&meta)?;
        for (endpoint, keys) in keys_of(c, from) {
            c.contexts.set_tls(name, &endpoint, &keys)?;
        }
    }
    c.line(name);
    c.warn_line(format!("Successfully created context {}", quote(name)));
    Ok(0)
}

/// The keys of an endpoint: files with what is in them.
type Files = Vec<(String, Vec<u8>)>;

/// A context's keys, by the endpoint.
type Keys = Vec<(String, Files)>;

fn keys_of(c: &Context, name: &str) -> Keys {
    if name == DEFAULT {
        return Vec::new();
    }
    let contents = |endpoint: &str, files: Vec<String>| {
        files.into_iter().filter_map(|file| c.contexts.tls(name, endpoint, &file).map(|bytes| (file, bytes))).collect()
    };
    c.contexts.tls_files(name).into_iter().map(|(endpoint, files)| (endpoint.clone(), contents(&endpoint, files))).collect()
}

/// `docker context update NAME`.
pub async fn update(c: &Context, m: &Matches) -> Outcome {
    let name = m.args[0].as_str();
    contexts::check_name(name)?;
    let mut meta = c.contexts.get(name)?;
    meta.describe(m.text("description"));
    let mut keys = None;
    if m.given("docker") {
        let (endpoint, files) = endpoint(c, m)?;
        meta.endpoints[DOCKER] = endpoint;
        keys = Some(files);
    }
    c.contexts.put(&meta)?;
    if let Some(keys) = keys {
        c.contexts.set_tls(name, DOCKER, &keys)?;
    }
    c.line(name);
    c.warn_line(format!("Successfully updated context {}", quote(name)));
    Ok(0)
}

/// What `--docker` says: an endpoint and its keys.
fn endpoint(c: &Context, m: &Matches) -> Result<(Json, Files), Failure> {
    let wrong = |e: Failure| Failure::new(format!("unable to create docker endpoint config: {}", e.text));
    let pairs: BTreeMap<&str, &str> = m.all("docker").filter_map(|pair| pair.split_once('=')).collect();
    read_endpoint(&c.contexts, &pairs).map_err(wrong)
}

fn read_endpoint(store: &Store, pairs: &BTreeMap<&str, &str>) -> Result<(Json, Files), Failure> {
    const KEYS: &[&str] = &["from", "host", "ca", "cert", "key", "skip-tls-verify"];
    let unknown: Vec<String> =
        pairs.keys().filter(|key| !KEYS.contains(key)).map(|key| format!("unrecognized config key: {key}")).collect();
    if !unknown.is_empty() {
        return Err(Failure::new(unknown.join("\n")));
    }
    if let Some(from) = pairs.get("from") {
        let meta = store.get(from)?;
        return match meta.endpoints.get(DOCKER) {
            Some(endpoint) => Ok((endpoint.clone(), Vec::new())),
            None => Err(Failure::new(format!("unable to get endpoint from context {}", quote(from)))),
        };
    }
    let mut keys = Vec::new();
    for (key, file) in [("ca", "ca.pem"), ("cert", "cert.pem"), ("key", "key.pem")] {
        if let Some(path) = pairs.get(key).filter(|path| !path.is_empty()) {
            let bytes = std::fs::read(path).map_err(|e| Failure::new(format!("open {path}: {}", go_words(&e))))?;
            keys.push((file.to_owned(), bytes));
        }
    }
    let skip = match pairs.get("skip-tls-verify") {
        None => false,
        Some(text) => parse_bool(text).ok_or_else(|| Failure::new(format!("skip-tls-verify: parsing {}: invalid syntax", quote(text))))?,
    };
    if !keys.is_empty() {
        let of = |name: &str| keys.iter().find(|(file, _)| file == name).map(|(_, bytes)| bytes.as_slice());
        tls::config(of("ca.pem"), of("cert.pem"), of("key.pem"), skip)
            .map_err(|e| Failure::new(format!("invalid docker endpoint options: failed to retrieve context tls info: {e}")))?;
    }
    let host = pairs.get("host").copied().unwrap_or_default();
    check_host(host)?;
    Ok((contexts::endpoint(host, skip), keys))
}

/// Refuses an address at which no engine can be; none at all is that of the default engine.
fn check_host(host: &str) -> Result<(), Failure> {
    if host.is_empty() {
        return Ok(());
    }
    // A context names its socket.
    let found = if host == "unix://" { Err(Wrong::Kind(format!("unable to parse docker host `{host}`"))) } else { Host::of_context(host) };
    found.map(drop).map_err(|wrong| match wrong {
        Wrong::Kind(why) => Failure::new(format!("unable to apply docker endpoint options: {why}")),
        Wrong::Part(why) => Failure::new(format!("invalid docker endpoint options: {why}")),
    })
}

/// `docker context export NAME [FILE|-]`.
pub async fn export(c: &Context, m: &Matches) -> Outcome {
    let name = m.args[0].as_str();
    if name != DEFAULT {
        contexts::check_name(name)?;
    }
    let default_file = format!("{name}.dockercontext");
    let place = m.args.get(1).unwrap_or(&default_file);
    if place == "-" {
        if c.stdout_is_terminal() {
            return Err(Failure::new("cowardly refusing to export to a terminal, specify a file path"));
        }
        c.print(archive(c, name)?);
        return Ok(0);
    }
    let bytes = archive(c, name)?;
    use std::os::unix::fs::OpenOptionsExt as _;
    let file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(place);
    let said = |e: std::io::Error| Failure::new(format!("open {place}: {}", go_words(&e)));
    std::io::Write::write_all(&mut file.map_err(said)?, &bytes)?;
    c.warn_line(format!("Written file {}", quote(place)));
    Ok(0)
}

/// A context as an archive: its description, and its keys below `tls/`.
fn archive(c: &Context, name: &str) -> Result<Vec<u8>, Failure> {
    let meta = find(c, name)?;
    let mut tar = tar::Builder::new(Vec::new());
    let mut add = |path: String, kind: tar::EntryType, mode: u32, bytes: &[u8]| {
        let mut header = tar::Header::new_ustar();
        header.set_entry_type(kind);
        header.set_mode(mode);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(0);
        header.set_size(bytes.len() as u64);
        tar.append_data(&mut header, path, bytes)
    };
    add("meta.json".to_owned(), tar::EntryType::Regular, 0o644, meta.to_json().to_string().as_bytes())?;
    add("tls".to_owned(), tar::EntryType::Directory, 0o700, b"")?;
    for (endpoint, keys) in keys_of(c, name) {
        add(format!("tls/{endpoint}"), tar::EntryType::Directory, 0o700, b"")?;
        for (file, bytes) in keys {
            add(format!("tls/{endpoint}/{file}"), tar::EntryType::Regular, 0o600, &bytes)?;
        }
    }
    Ok(tar.into_inner()?)
}

/// How much an archive of a context may hold.
const LARGEST: u64 = 10 << 20;

/// `docker context import NAME FILE|-`.
pub async fn import(c: &Context, m: &Matches) -> Outcome {
    let (name, place) = (m.args[0].as_str(), m.args[1].as_str());
    check_new(c, name)?;
    let mut bytes = Vec::new();
    let read = |source: &mut dyn std::io::Read, bytes: &mut Vec<u8>| source.take(LARGEST + 1).read_to_end(bytes);
    if place == "-" {
        read(&mut std::io::stdin(), &mut bytes)?;
    } else {
        let mut file = std::fs::File::open(place).map_err(|e| Failure::new(format!("open {place}: {}", go_words(&e))))?;
        read(&mut file, &mut bytes)?;
    }
    if bytes.len() as u64 > LARGEST {
        return Err(Failure::new("read exceeds the defined limit"));
    }
    let files = if bytes.starts_with(zip::MAGIC) { zip::files(&bytes, LARGEST).map_err(Failure::new)? } else { files_of_tar(&bytes)? };
    let (meta, keys) = unpack(name, files)?;
    c.contexts.put(&meta)?;
    for (endpoint, files) in keys {
        c.contexts.set_tls(name, &endpoint, &files)?;
    }
    c.line(name);
    c.warn_line(format!("Successfully imported context {}", quote(name)));
    Ok(0)
}

/// The files of a tar archive.
fn files_of_tar(bytes: &[u8]) -> Result<Files, Failure> {
    let invalid = |_: std::io::Error| Failure::new("archive/tar: invalid tar header");
    let mut files = Vec::new();
    for entry in tar::Archive::new(bytes).entries().map_err(invalid)? {
        let mut entry = entry.map_err(invalid)?;
        if entry.header().entry_type().is_file() {
            let mut content = Vec::new();
            entry.read_to_end(&mut content)?;
            files.push((String::from_utf8_lossy(&entry.path_bytes()).into_owned(), content));
        }
    }
    Ok(files)
}

/// Reads the files of an archive as a context that shall be called `name`.
fn unpack(name: &str, files: Files) -> Result<(Meta, BTreeMap<String, Files>), Failure> {
    let mut meta = None;
    let mut keys: BTreeMap<String, Files> = BTreeMap::new();
    for (path, content) in files {
        let wrong = |why: &str| Err(Failure::new(format!("{path}: {why}")));
        if path != "meta.json" && !path.starts_with("tls/") {
            return wrong("unexpected context file");
        }
        if path.split('/').any(|part| matches!(part, "" | "." | "..")) {
            return wrong("unexpected path format");
        }
        if path.contains('\\') {
            return wrong("unexpected '\\' in path");
        }
        match path.strip_prefix("tls/") {
            None => meta = Some(Meta { name: name.to_owned(), ..Meta::parse(&content)? }),
            Some(key) => match key.split_once('/') {
                Some((endpoint, file)) if !file.contains('/') => {
                    keys.entry(endpoint.to_owned()).or_default().push((file.to_owned(), content));
                }
                _ => return Err(Failure::new("archive format is invalid")),
            },
        }
    }
    meta.map(|meta| (meta, keys)).ok_or_else(|| Failure::new("invalid context: no metadata found"))
}
