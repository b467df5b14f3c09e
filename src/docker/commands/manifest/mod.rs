//! `docker manifest …`: what a registry has under a name, and lists of images for several platforms, put together here and pushed.

mod registry;
mod store;

use serde::Serialize as _;
use serde_json::ser::{PrettyFormatter, Serializer};
use serde_json::{Map, Value as Json, json};

use super::shared::text;
use crate::base64;
use crate::docker::cmdline::Matches;
use crate::docker::context::Context;
use crate::docker::failure::{Failure, Outcome};
use crate::docker::reference::Reference;
use registry::Found;

const DOCKER_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// The indents of what registries keep, and of what is shown of one manifest.
const KEPT: &str = "   ";
const SHOWN: &str = "\t";

/// The fields of a platform, in the order in which Go's encoder writes them.
const PLATFORM: &[&str] = &["architecture", "os", "os.version", "os.features", "variant"];

/// A name with the tag that it means.
fn named(given: &str) -> Result<Reference, Failure> {
    let mut reference = Reference::parse(given)?;
    reference.default_tag();
    Ok(reference)
}

/// `docker manifest inspect [LIST] MANIFEST`.
pub async fn inspect(c: &Context, m: &Matches) -> Outcome {
    let verbose = m.on("verbose");
    if let [list, manifest] = m.args.as_slice() {
        let manifest = named(manifest)?;
        let kept = store::get(c, &named(list)?.full(), &manifest.full())?;
        c.line(if verbose { pretty(&kept, SHOWN)? } else { pretty(inner(&kept), SHOWN)? });
        return Ok(0);
    }
    let reference = named(&m.args[0])?;
    if store::has(c, &reference.full()) {
        let all = store::all(c, &reference.full())?;
        c.line(if verbose { pretty(&Json::Array(all), SHOWN)? } else { pretty(&list(all.iter().map(descriptor)), KEPT)? });
        return Ok(0);
    }
    let plain = m.on("insecure");
    let found = registry::find(c, &reference, &reference.full(), plain).await?;
    let entries = found.document.get("manifests").and_then(Json::as_array);
    let printed = match entries {
        None if verbose => pretty(&whole(&reference.full(), &found, None), SHOWN)?,
        None => pretty(&found.document, SHOWN)?,
        Some(entries) if verbose => {
            let mut all = Vec::new();
            for entry in entries {
                let name = format!("{}@{}", reference.full(), text(entry, "digest"));
                let by_digest = format!("{}@{}", reference.full_name(), text(entry, "digest"));
                let one = registry::find(c, &reference, &by_digest, plain).await?;
                all.push(whole(&name, &one, entry.get("platform")));
            }
            pretty(&Json::Array(all), SHOWN)?
        }
        Some(entries) => pretty(&list(entries.iter()), KEPT)?,
    };
    c.line(printed);
    Ok(0)
}

/// `docker manifest create LIST MANIFEST …`.
pub async fn create(c: &Context, m: &Matches) -> Outcome {
    let target = named(&m.args[0])
        .map_err(|e| Failure { text: format!("error parsing name for manifest list {}: {}", m.args[0], e.text), ..e })?
        .full();
    if store::has(c, &target) && !m.on("amend") {
        return Err(Failure::new("refusing to amend an existing manifest list with no --amend flag"));
    }
    for given in &m.args[1..] {
        let manifest = named(given)?;
        let name = manifest.full();
        if store::find(c, &target, &name)?.is_some_and(|kept| !text(&kept, "Raw").is_empty()) {
            continue;
        }
        let found = registry::find(c, &manifest, &name, m.on("insecure")).await?;
        if found.document.get("manifests").is_some() {
            return Err(Failure::new(format!("{name} is a manifest list")));
        }
        store::save(c, &target, &name, &whole(&name, &found, None))?;
    }
    c.line(format!("Created manifest list {target}"));
    Ok(0)
}

/// `docker manifest annotate LIST MANIFEST`.
pub async fn annotate(c: &Context, m: &Matches) -> Outcome {
    let parsed = |what: &str, given: &str| {
        let said = |e: Failure| Failure { text: format!("annotate: error parsing name for {what} {given}: {}", e.text), ..e };
        named(given).map(|reference| reference.full()).map_err(said)
    };
    let (list, manifest) = (parsed("manifest list", &m.args[0])?, parsed("manifest", &m.args[1])?);
    let mut kept = store::find(c, &list, &manifest)?
        .ok_or_else(|| Failure::new(format!("manifest for image {} does not exist in {}", m.args[1], m.args[0])))?;
    let mut platform = kept["Descriptor"].get("platform").and_then(Json::as_object).cloned().unwrap_or_default();
    for (flag, field) in [("os", "os"), ("arch", "architecture"), ("variant", "variant"), ("os-version", "os.version")] {
        if !m.text(flag).is_empty() {
            platform.insert(field.to_owned(), m.text(flag).into());
        }
    }
    let mut features: Vec<Json> = platform.get("os.features").and_then(Json::as_array).cloned().unwrap_or_default();
    for feature in m.all("os-features").filter(|feature| !feature.is_empty()).map(Json::from) {
        if !features.contains(&feature) {
            features.push(feature);
        }
    }
    if !features.is_empty() {
        platform.insert("os.features".to_owned(), features.into());
    }
    let of = |field: &str| platform.get(field).and_then(Json::as_str).unwrap_or_default();
    if !is_known(of("os"), of("architecture")) {
        let (os, arch) = (m.text("os"), m.text("arch"));
        return Err(Failure::new(format!("manifest entry for image has unsupported os/arch combination: {os}/{arch}")));
    }
    kept["Descriptor"]["platform"] = ordered(&platform);
    store::save(c, &list, &manifest, &kept)?;
    Ok(0)
}

/// Whether programs are made for these.
fn is_known(os: &str, architecture: &str) -> bool {
    const LINUX: &[&str] = &["386", "amd64", "arm", "arm64", "ppc64le", "mips64", "mips64le", "riscv64", "s390x"];
    match os {
        "darwin" => ["386", "amd64", "arm", "arm64"].contains(&architecture),
        "dragonfly" | "solaris" => architecture == "amd64",
        "freebsd" | "netbsd" | "openbsd" => ["386", "amd64", "arm"].contains(&architecture),
        "linux" => LINUX.contains(&architecture),
        "plan9" | "windows" => ["386", "amd64"].contains(&architecture),
        _ => false,
    }
}

/// `docker manifest push LIST`.
pub async fn push(c: &Context, m: &Matches) -> Outcome {
    let target = named(&m.args[0])?;
    let all = store::all(c, &target.full())?;
    let mut elsewhere = Vec::new();
    for kept in &all {
        let source = Reference::parse(text(kept, "Ref"))?;
        let platform = kept["Descriptor"].get("platform").unwrap_or(&Json::Null);
        if text(platform, "os").is_empty() || text(platform, "architecture").is_empty() {
            return Err(Failure::new(format!("manifest {} must have an OS and Architecture to be pushed to a registry", source.full())));
        }
        if source.domain != target.domain {
            let (theirs, ours) = (source.domain, &target.domain);
            return Err(Failure::new(format!(
                "cannot use source images from a different registry than the target image: {theirs} != {ours}"
            )));
        }
        if source.path != target.path {
            elsewhere.push((source, kept));
        }
    }
    for (source, kept) in &elsewhere {
        for digest in blobs(kept) {
            let windows = text(&kept["Descriptor"]["platform"], "os") == "windows";
            if !registry::mount(c, &target, digest, &source.path).await? && !windows {
                let from = format!("{}@{digest}", source.full_name());
                return Err(Failure::new(format!("error mounting {from} to {}", target.full())));
            }
        }
    }
    for (_, kept) in &elsewhere {
        let digest = text(&kept["Descriptor"], "digest");
        let place = Reference { tag: None, digest: Some(digest.to_owned()), ..target.clone() };
        let raw = base64::decode(text(kept, "Raw")).unwrap_or_default();
        let put = registry::put(c, &place, text(&kept["Descriptor"], "mediaType"), raw).await?;
        c.line(format!("Pushed ref {} with digest: {put}", place.full()));
    }
    let document = list(all.iter().map(descriptor));
    let kind = text(&document, "mediaType").to_owned();
    c.line(registry::put(c, &target, &kind, pretty(&document, KEPT)?.into_bytes()).await?);
    if m.on("purge") {
        store::remove(c, &target.full())?;
    }
    Ok(0)
}

/// `docker manifest rm LIST …`.
pub async fn remove(c: &Context, m: &Matches) -> Outcome {
    let removed = m.args.iter().map(|given| store::remove(c, &named(given)?.full()));
    super::shared::together(removed.filter_map(Result::err).collect())
}

/// The document of a manifest that is kept.
fn inner(kept: &Json) -> &Json {
    ["SchemaV2Manifest", "OCIManifest"].iter().find_map(|kind| kept.get(kind)).unwrap_or(&Json::Null)
}

fn descriptor(kept: &Json) -> &Json {
    kept.get("Descriptor").unwrap_or(&Json::Null)
}

/// What a manifest consists of: its configuration and its layers.
fn blobs(kept: &Json) -> Vec<&str> {
    let document = inner(kept);
    let layers = document.get("layers").and_then(Json::as_array).into_iter().flatten();
    document.get("config").into_iter().chain(layers).map(|blob| text(blob, "digest")).collect()
}

/// All about one manifest, as it is kept and as `--verbose` shows it.
fn whole(name: &str, found: &Found, platform: Option<&Json>) -> Json {
    let mut descriptor = found.descriptor.clone();
    if let (Some(fields), Some(platform)) = (descriptor.as_object_mut(), platform.or(found.platform.as_ref())) {
        fields.insert("platform".to_owned(), platform.as_object().map_or(Json::Null, ordered));
    }
    let kind = if text(&found.descriptor, "mediaType") == OCI_MANIFEST { "OCIManifest" } else { "SchemaV2Manifest" };
    json!({ "Ref": name, "Descriptor": descriptor, "Raw": base64::encode(&found.bytes), kind: found.document })
}

fn ordered(platform: &Map<String, Json>) -> Json {
    Json::Object(PLATFORM.iter().filter_map(|field| Some(((*field).to_owned(), platform.get(*field)?.clone()))).collect())
}

/// A list with the fields of its entries that Docker's client knows, in its order.
fn list<'j>(entries: impl Iterator<Item = &'j Json> + Clone) -> Json {
    let mut oci = entries.clone().map(|entry| text(entry, "mediaType") == OCI_MANIFEST);
    let kind = if oci.next() == Some(true) && oci.all(|is| is) { OCI_INDEX } else { DOCKER_LIST };
    let manifests = entries.map(|entry| {
        let fields = ["mediaType", "size", "digest", "annotations", "platform"];
        Json::Object(fields.iter().filter_map(|f| Some(((*f).to_owned(), entry.get(f)?.clone()))).collect())
    });
    json!({ "schemaVersion": 2, "mediaType": kind, "manifests": manifests.collect::<Vec<_>>() })
}

fn pretty(document: &Json, indent: &str) -> Result<String, Failure> {
    let mut out = Vec::new();
    let formatter = PrettyFormatter::with_indent(indent.as_bytes());
    document.serialize(&mut Serializer::with_formatter(&mut out, formatter)).map_err(|e| Failure::new(e.to_string()))?;
    String::from_utf8(out).map_err(|e| Failure::new(e.to_string()))
}
