//! What a client wants built, out of the attributes of a call.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::offers::Machine;
use super::questions::Question;
use crate::Engine;
use crate::build::{BuildError, BuildRequest, Cancel, Client, Context, Export, Output, Report, fetch_context};
use crate::buildkit::Status;
use crate::buildkit::messages::control::SolveRequest;
use crate::buildkit::methods::UPLOADED;
use crate::container::{HostConfig, Ulimit};
use crate::dockerapi::build::request::INLINE_CACHE;
use crate::image::{Form, Packing, Platform, Reference};
use crate::units::parse_bool;

/// A build that is asked for.
pub struct Order {
    pub request: BuildRequest,
    /// What the client calls its folders.
    files: String,
    definition: String,
    /// Whether the Dockerfile is the client's, wherever the context is.
    own_definition: bool,
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
        let key = take("dockerfilekey");
        let own_definition = !key.is_empty();
        let definition = or(key, "dockerfile");
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
        let mut platforms = Vec::new();
        for text in take("platform").split(',').filter(|text| !text.is_empty()) {
            let platform = text.parse::<Platform>().map_err(|e| Status::unknown(format!("failed to parse target platform {text}: {e}")))?;
            if !platforms.contains(&platform.to_string()) {
                platforms.push(platform.to_string());
            }
        }
        let platform = if let [one] = platforms.as_slice() { one.clone() } else { String::new() };
        platforms.retain(|one| *one != platform);
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
            platforms,
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
        Ok(Order { request, files, definition, own_definition, uploaded, elsewhere, question })
    }

    /// The files of the build, on the client's machine or in what it uploads.
    pub fn context(&self, engine: &Engine, machine: Arc<Machine>, report: Report<'_>, cancel: &Cancel) -> Result<Context, BuildError> {
        if let Some(address) = &self.elsewhere {
            let context = fetch_context(engine, Some(Arc::clone(&machine) as Arc<dyn Client>), address, report, cancel)?;
            return if self.own_definition { context.with_definition(engine, machine, &self.definition) } else { Ok(context) };
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
    let known = value
        .strip_prefix("docker-image://")
        .or_else(|| (value.starts_with("local:") || value.starts_with("oci-layout://") || elsewhere).then_some(value));
    let known = known.ok_or_else(|| {
        Status::unknown(format!(
            "the context {name} cannot be {value}: this engine takes docker-image://, oci-layout://, folders, and addresses of git and HTTP here"
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
pub fn outputs(request: &SolveRequest) -> Result<Vec<Output>, Status> {
    if request.exporters.is_empty() {
        let export = export(&request.exporter, &request.exporter_attributes)?;
        return Ok(export.into_iter().map(|export| Output { id: FIRST.to_owned(), export }).collect());
    }
    let mut outputs = Vec::new();
    for (id, exporter) in request.exporters.iter().enumerate() {
        outputs.extend(export(&exporter.kind, &exporter.attributes)?.map(|export| Output { id: id.to_string(), export }));
    }
    Ok(outputs)
}

/// What the client calls its only output.
const FIRST: &str = "0";

/// One of them, by the name and the attributes of an exporter; none where nothing shall become of the build.
pub fn export(kind: &str, attributes: &HashMap<String, String>) -> Result<Option<Export>, Status> {
    let text = |name: &str| attributes.get(name).map_or("", String::as_str);
    let flag = |name: &str| parse_bool(text(name));
    let mut names: Vec<Reference> = Vec::new();
    for name in list(text("name")) {
        let reference = Reference::parse_normalized(&name).map_err(|e| Status::unknown(e.to_string()))?.or_latest();
        if !names.contains(&reference) {
            names.push(reference);
        }
    }
    let form = |oci: bool| {
        let packing = match text("compression") {
            "" | "gzip" => Packing::Gzip,
            "uncompressed" => Packing::Uncompressed,
            "zstd" => Packing::Zstd,
            other => {
                return Err(Status::unknown(format!(
                    "unsupported layer compression type: {other:?} (this engine has gzip, zstd and uncompressed)"
                )));
            }
        };
        let level = text("compression-level");
        if !level.is_empty() && level.parse::<i64>().is_err() {
            return Err(Status::unknown(format!("non-integer value {level:?} specified for compression-level")));
        }
        let repack = match text("force-compression") {
            "" => false,
            value => {
                parse_bool(value).ok_or_else(|| Status::unknown(format!("non-bool value {value:?} specified for force-compression")))?
            }
        };
        // Docker's documents have no word for zstd.
        let oci = packing == Packing::Zstd || flag("oci-mediatypes").unwrap_or(oci);
        let of = |name: &String| name.strip_prefix("annotation.").or_else(|| name.strip_prefix("annotation-manifest.")).map(str::to_owned);
        let annotations = attributes.iter().filter_map(|(name, value)| Some((of(name)?, value.clone()))).collect();
        Ok(Form { oci, index: false, packing, repack, annotations })
    };
    Ok(Some(match kind {
        "" => return Ok(None),
        "image" if flag("push") == Some(true) => {
            if names.is_empty() {
                return Err(Status::unknown("tag is needed when pushing to registry"));
            }
            Export::Push { names, form: form(true)? }
        }
        "moby" | "image" => Export::Image(names),
        "oci" | "docker" => Export::Layout { names, form: form(kind == "oci")?, folder: flag("tar") == Some(false) },
        "local" => Export::Folder,
        "tar" => Export::Tar,
        other => return Err(Status::unknown(format!("exporter {other:?} could not be found"))),
    }))
}
