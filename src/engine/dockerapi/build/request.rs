//! The parameters of `POST /build`.

use std::collections::BTreeMap;

use axum::http::HeaderMap;
use serde::de::DeserializeOwned;

use crate::build::BuildRequest;
use crate::container::{HostConfig, Ulimit};
use crate::dockerapi::ApiError;
use crate::dockerapi::auth;
use crate::dockerapi::params::Params;
use crate::image::Reference;
use crate::units::parse_bool;

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
    if params.get("version") == Some("2") && params.get("session").is_some_and(|session| !session.is_empty()) {
        return Err(ApiError::invalid(
            "this engine has no build sessions: send the context with the request, or build with DOCKER_BUILDKIT=0",
        ));
    }
    let force_remove = params.flag("forcerm");
    let extra: Vec<String> = params.all("extrahosts").filter(|h| !h.is_empty()).map(str::to_owned).collect();
    let options: Vec<String> = params.all("securityopt").filter(|o| !o.is_empty()).map(str::to_owned).collect();
    let host = HostConfig {
        network_mode: params.get("networkmode").unwrap_or_default().to_owned(),
        memory: number(params, "memory")?,
        memory_swap: number(params, "memswap")?,
        cpu_shares: number(params, "cpushares")?,
        cpu_period: number(params, "cpuperiod")?,
        cpu_quota: number(params, "cpuquota")?,
        cpuset_cpus: params.get("cpusetcpus").unwrap_or_default().to_owned(),
        cpuset_mems: params.get("cpusetmems").unwrap_or_default().to_owned(),
        cgroup_parent: params.get("cgroupparent").unwrap_or_default().to_owned(),
        shm_size: number(params, "shmsize")?,
        ulimits: json::<Option<Vec<Ulimit>>>(params, "ulimits")?.flatten().unwrap_or_default(),
        extra_hosts: (!extra.is_empty()).then_some(extra),
        security_opt: (!options.is_empty()).then_some(options),
        ..HostConfig::default()
    };
    let arguments: BTreeMap<String, Option<String>> = json(params, "buildargs")?.unwrap_or_default();
    let labels: BTreeMap<String, String> = json(params, "labels")?.unwrap_or_default();
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
        cache_from: json::<Option<Vec<String>>>(params, "cachefrom")?.flatten().filter(|images| !images.is_empty()),
        ..BuildRequest::default()
    })
}

fn number(params: &Params, name: &str) -> Result<i64, ApiError> {
    match params.get(name) {
        None => Ok(0),
        Some(text) => text.parse().map_err(|_| ApiError::invalid(format!("strconv.ParseInt: parsing {text:?}: invalid syntax"))),
    }
}

fn json<T: DeserializeOwned>(params: &Params, name: &str) -> Result<Option<T>, ApiError> {
    let Some(text) = params.get(name) else { return Ok(None) };
    serde_json::from_str(text).map(Some).map_err(|e| ApiError::invalid(format!("error reading {name}: {e}")))
}
