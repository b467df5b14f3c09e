//! What a client wants built, out of the attributes of a call.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::offers::Machine;
use super::questions::Question;
use crate::Engine;
use crate::build::{BuildError, BuildRequest, Cancel, Context, Export, Report, fetch_context};
use crate::buildkit::Status;
use crate::buildkit::messages::control::SolveRequest;
use crate::buildkit::methods::UPLOADED;
use crate::container::{HostConfig, Ulimit};
use crate::dockerapi::build::request::INLINE_CACHE;
use crate::image::Reference;
use crate::units::parse_bool;

/// A build that is asked for.
pub struct Order {
    pub request: BuildRequest,
    /// What the client calls its folders.
    files: String,
    definition: String,
    /// The path of a context that comes as one archive.
    uploaded: Option<String>,
    /// The address of a context that the engine fetches by itself.
    elsewhere: Option<String>,
    /// What is asked of the Dockerfile, where it shall not be built.
    pub question: Option<Question>,
}

impl Order {
    /// Reads the attributes of a frontend.
    pub fn read(frontend: &str, mut attributes: HashMap<String, String>) -> Result<Order, Status> {
        if frontend != "dockerfile.v0" {
            return Err(Status::unknown(format!("no such frontend: {frontend} (this engine has dockerfile.v0)")));
        }
        let question = attributes.remove("requestid").map(|name| Question::of(&name)).transpose()?;
        let mut take = |name: &str| attributes.remove(name).unwrap_or_default();
        let context = take("context");
        let uploaded = context.strip_prefix(UPLOADED).map(|path| format!("/{path}"));
        let elsewhere = (!context.is_empty() && uploaded.is_none() && !context.starts_with("local:")).then(|| context.clone());
        let or = |given: String, usual: &str| if given.is_empty() { usual.to_owned() } else { given };
        let files = match context.strip_prefix("local:") {
            Some(name) => name.to_owned(),
            None => or(take("contextkey"), "context"),
        };
        let definition = or(take("dockerfilekey"), "dockerfile");
        let filename = take("filename");
        let network = match take("force-network-mode").as_str() {
            "" | "default" | "sandbox" => String::new(),
            network @ ("host" | "none") => network.to_owned(),
            other => return Err(Status::unknown(format!("network mode {other:?} not supported by buildkit"))),
        };
        let number = |name: &str, text: String| match text.as_str() {
            "" => Ok(0),
            text => text.parse::<i64>().map_err(|_| Status::unknown(format!("failed to parse {name}: {text:?} is no number"))),
        };
        let hosts = list(&take("add-hosts"));
        let hosts: Vec<String> = hosts.iter().map(|host| host.replacen('=', ":", 1)).collect();
        let platform = take("platform");
        if platform.contains(',') {
            return Err(Status::unknown("multiple platforms feature is currently not supported: build for one platform at a time"));
        }
        let host = HostConfig {
            network_mode: network,
            cgroup_parent: take("cgroup-parent"),
            shm_size: number("shm-size", take("shm-size"))?,
            ulimits: list(&take("ulimit")).iter().map(|limit| ulimit(limit)).collect::<Result<_, _>>()?,
            extra_hosts: (!hosts.is_empty()).then_some(hosts),
            ..HostConfig::default()
        };
        let imports = imports(&take("cache-imports"), &take("cache-from"));
        let pull = take("image-resolve-mode") == "pull";
        let target = take("target");
        let no_cache = attributes.remove("no-cache");
        let mut request = BuildRequest {
            dockerfile: if filename == "Dockerfile" { String::new() } else { filename },
            pull,
            remove: true,
            target,
            platform,
            host,
            no_cache: no_cache.as_deref() == Some(""),
            cache_from: (!imports.is_empty()).then_some(imports),
            no_cache_for: list(no_cache.as_deref().unwrap_or_default()),
            ..BuildRequest::default()
        };
        for (name, value) in attributes {
            if let Some(name) = name.strip_prefix("build-arg:") {
                request.arguments.insert(name.to_owned(), Some(value));
            } else if let Some(name) = name.strip_prefix("label:") {
                request.labels.insert(name.to_owned(), value);
            } else if let Some(name) = name.strip_prefix("context:") {
                named(&mut request.contexts, name, &value)?;
            }
        }
        let inline = request.arguments.get(INLINE_CACHE).and_then(Option::as_deref);
        request.inline_cache = inline.and_then(parse_bool) == Some(true);
        Ok(Order { request, files, definition, uploaded, elsewhere, question })
    }

    /// The files of the build, on the client's machine or in what it uploads.
    pub fn context(&self, engine: &Engine, machine: Arc<Machine>, report: Report<'_>, cancel: &Cancel) -> Result<Context, BuildError> {
        if let Some(address) = &self.elsewhere {
            return fetch_context(engine, Some(machine), address, report, cancel);
        }
        match &self.uploaded {
            Some(path) => Context::uploaded(&engine.images, machine, path),
            None => Context::of_client(engine, machine, &self.files, &self.definition),
        }
    }
}

/// The images of `--cache-from`: the form of today, and the one before it.
fn imports(today: &str, before: &str) -> Vec<String> {
    #[derive(serde::Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Import {
        #[serde(default)]
        attrs: HashMap<String, String>,
    }
    let read: Vec<Import> = serde_json::from_str(today).unwrap_or_default();
    // Caches elsewhere than in images are none of this engine's.
    read.into_iter().filter_map(|mut import| import.attrs.remove("ref")).chain(list(before)).collect()
}

/// How addresses begin that the engine can fetch from.
const ELSEWHERE: [&str; 6] = ["http://", "https://", "git://", "ssh://", "git@", "github.com/"];

/// A context that has a name: an image, or a folder of the client's.
fn named(contexts: &mut BTreeMap<String, String>, name: &str, value: &str) -> Result<(), Status> {
    let elsewhere = ELSEWHERE.iter().any(|scheme| value.starts_with(scheme));
    let known = value.strip_prefix("docker-image://").or_else(|| (value.starts_with("local:") || elsewhere).then_some(value));
    let known = known.ok_or_else(|| {
        Status::unknown(format!(
            "the context {name} cannot be {value}: this engine takes docker-image://, folders, and addresses of git and HTTP here"
        ))
    })?;
    contexts.insert(name.to_owned(), known.to_owned());
    Ok(())
}

/// Values with commas between them, each of which may stand in double quotes.
fn list(text: &str) -> Vec<String> {
    let mut values = Vec::new();
    let mut value = String::new();
    let mut quoted = false;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' if quoted && chars.next_if_eq(&'"').is_some() => value.push('"'),
            '"' => quoted = !quoted,
            ',' if !quoted => values.push(std::mem::take(&mut value)),
            c => value.push(c),
        }
    }
    values.push(value);
    values.retain(|value| !value.is_empty());
    values
}

/// `name=soft:hard`, or one number for both.
fn ulimit(text: &str) -> Result<Ulimit, Status> {
    let wrong = || Status::unknown(format!("invalid ulimit argument: {text}"));
    let (name, limits) = text.split_once('=').ok_or_else(wrong)?;
    let (soft, hard) = limits.split_once(':').unwrap_or((limits, limits));
    let number = |text: &str| text.parse::<i64>().map_err(|_| wrong());
    Ok(Ulimit { name: name.to_owned(), soft: number(soft)?, hard: number(hard)? })
}

/// What shall become of a build.
pub fn export(request: &SolveRequest) -> Result<Export, Status> {
    let (kind, attributes) = match request.exporters.as_slice() {
        [] => (request.exporter.as_str(), &request.exporter_attributes),
        [one] => (one.kind.as_str(), &one.attributes),
        _ => return Err(Status::unknown("multiple exporters are not supported by this engine")),
    };
    match kind {
        "" => Ok(Export::Nothing),
        "moby" | "image" => {
            let mut names: Vec<Reference> = Vec::new();
            for name in list(attributes.get("name").map_or("", String::as_str)) {
                let reference = Reference::parse_normalized(&name).map_err(|e| Status::unknown(e.to_string()))?.or_latest();
                if !names.contains(&reference) {
                    names.push(reference);
                }
            }
            Ok(Export::Image(names))
        }
        "local" => Ok(Export::Folder),
        "tar" => Ok(Export::Tar),
        other => Err(Status::unknown(format!("exporter {other:?} could not be found"))),
    }
}
