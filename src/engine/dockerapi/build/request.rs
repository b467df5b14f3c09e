//! The parameters of `POST /build`.

use std::collections::{BTreeMap, HashMap};

use axum::http::HeaderMap;
use serde::de::DeserializeOwned;

use crate::build::{BuildError, BuildRequest, Export, Output};
use crate::container::{HostConfig, Ulimit};
use crate::dockerapi::ApiError;
use crate::dockerapi::params::Params;
use crate::dockerapi::{auth, gojson, grpc};
use crate::image::{Platform, Reference};
use crate::units::{parse_bool, quote};

/// The argument that has an image carry its cache.
pub const INLINE_CACHE: &str = "BUILDKIT_INLINE_CACHE";

/// Reads the parameters; refuses what makes no sense in Docker's words.
pub fn read(params: &Params, headers: &HeaderMap) -> Result<BuildRequest, ApiError> {
    let mut tags: Vec<Reference> = Vec::new();
    for tag in params.all("t").filter(|tag| !tag.is_empty()) {
        let reference = Reference::parse_normalized(tag)?;
        if reference.digest().is_some() {
            return Err(ApiError::invalid("build tag cannot contain a digest"));
        }
        let reference = reference.or_latest();
        if !tags.contains(&reference) {
            tags.push(reference);
        }
    }
    match params.get("version") {
        None | Some("" | "1" | "2") => {}
        Some(other) => return Err(ApiError::invalid(format!("invalid version {}", quote(other)))),
    }
    // Those of Windows alone, for Docker.
    if params.get("securityopt").is_some() {
        return Err(ApiError::invalid("security options are not supported on linux"));
    }
    if params.flag("squash") {
        return Err(ApiError::invalid("squash is only supported with experimental mode"));
    }
    match params.get("isolation") {
        None | Some("") => {}
        Some(isolation) if isolation.eq_ignore_ascii_case("default") => {}
        Some(other) => return Err(ApiError::invalid(format!("unsupported isolation: {}", quote(other)))),
    }
    let force_remove = params.flag("forcerm");
    let extra: Vec<String> = params.all("extrahosts").filter(|h| !h.is_empty()).map(str::to_owned).collect();
    let host = HostConfig {
        network_mode: params.get("networkmode").unwrap_or_default().to_owned(),
        memory: number(params, "memory"),
        memory_swap: number(params, "memswap"),
        cpu_shares: number(params, "cpushares"),
        cpu_period: number(params, "cpuperiod"),
        cpu_quota: number(params, "cpuquota"),
        cpuset_cpus: params.get("cpusetcpus").unwrap_or_default().to_owned(),
        cpuset_mems: params.get("cpusetmems").unwrap_or_default().to_owned(),
        cgroup_parent: params.get("cgroupparent").unwrap_or_default().to_owned(),
        shm_size: shared_memory(params)?,
        ulimits: json::<Vec<Ulimit>>(params, "ulimits", "ulimit settings")?.unwrap_or_default(),
        extra_hosts: (!extra.is_empty()).then_some(extra),
        ..HostConfig::default()
    };
    let arguments: BTreeMap<String, Option<String>> = json(params, "buildargs", "build args")?.unwrap_or_default();
    let labels: BTreeMap<String, String> = json(params, "labels", "labels")?.unwrap_or_default();
    let inline = arguments.get(INLINE_CACHE).is_some_and(|value| value.as_deref().and_then(parse_bool) == Some(true));
    Ok(BuildRequest {
        inline_cache: inline,
        dockerfile: params.get("dockerfile").unwrap_or_default().to_owned(),
        tags,
        arguments,
        labels,
        no_cache: params.flag("nocache"),
        pull: params.flag("pull"),
        remove: force_remove || params.get("rm").is_none() || params.flag("rm"),
        force_remove,
        target: params.get("target").unwrap_or_default().to_owned(),
        platform: params.get("platform").unwrap_or_default().to_owned(),
        host,
        credentials: auth::all_credentials(headers),
        host_network: params.get("networkmode") == Some("host"),
        secrets: auth::secrets(headers),
        cache_from: json::<Vec<String>>(params, "cachefrom", "cache-from")?.filter(|images| !images.is_empty()),
        ..BuildRequest::default()
    })
}

/// What shall become of a build in BuildKit's way: without a word of it an image, with one what a client's session takes.
pub fn output(params: &Params, request: &BuildRequest) -> Result<Option<Output>, ApiError> {
    #[derive(Default, serde::Deserialize)]
    #[serde(rename_all = "PascalCase", default)]
    struct Asked {
        r#type: String,
        attrs: Option<HashMap<String, String>>,
    }
    let image = || Export::Image(request.tags.clone());
    let mut asked: Vec<Asked> = read_json(params, "outputs", "invalid outputs specified")?.unwrap_or_default();
    let export = match (asked.pop(), asked.is_empty()) {
        (None, _) => Some(image()),
        (Some(_), false) => return Err(ApiError::internal("multiple outputs not supported")),
        (Some(asked), true) => match asked.r#type.as_str() {
            "cacheonly" => None,
            "moby" | "image" if !request.tags.is_empty() => Some(image()),
            kind => grpc::export(kind, &asked.attrs.unwrap_or_default()).map_err(|e| ApiError::internal(e.0.message))?,
        },
    };
    Ok(export.map(|export| Output { id: "0".to_owned(), export }))
}

/// Refuses a platform that is none, before anything is built for it.
pub fn check_platform(request: &BuildRequest) -> Result<(), BuildError> {
    match &request.platform[..] {
        "" => Ok(()),
        platform => Ok(platform.parse::<Platform>().map(drop)?),
    }
}

/// A bound; what is no number sets none.
fn number(params: &Params, name: &str) -> i64 {
    params.get(name).and_then(|text| text.parse().ok()).unwrap_or_default()
}

fn shared_memory(params: &Params) -> Result<i64, ApiError> {
    match params.get("shmsize") {
        None | Some("") => Ok(0),
        Some(text) => text.parse().map_err(|_| ApiError::internal(format!("strconv.ParseInt: parsing {}: invalid syntax", quote(text)))),
    }
}

fn json<T: DeserializeOwned>(params: &Params, name: &str, words: &str) -> Result<Option<T>, ApiError> {
    read_json(params, name, &format!("error reading {words}"))
}

fn read_json<T: DeserializeOwned>(params: &Params, name: &str, failed: &str) -> Result<Option<T>, ApiError> {
    let Some(text) = params.get(name).filter(|text| !text.is_empty()) else { return Ok(None) };
    let wrong = |error: String| {
        let error = error.strip_prefix("invalid JSON: ").unwrap_or(&error);
        ApiError::invalid(format!("{failed}: {error}"))
    };
    gojson::read::<Option<T>>(text.as_bytes(), "").map(Option::flatten).map_err(wrong)
}
