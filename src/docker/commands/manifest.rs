//! `docker manifest inspect`: what a registry has under a name. Docker's client asks the registry by itself; this one has the engine ask.

use serde::Serialize as _;
use serde_json::ser::{PrettyFormatter, Serializer};
use serde_json::{Value as Json, json};

use super::shared::text;
use crate::base64;
use crate::docker::client::Request;
use crate::docker::cmdline::Matches;
use crate::docker::config;
use crate::docker::context::Context;
use crate::docker::failure::{Failure, Outcome};
use crate::docker::reference::Reference;

const DOCKER_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// A manifest or a list of them.
struct Found {
    bytes: Vec<u8>,
    document: Json,
    descriptor: Json,
    platform: Option<Json>,
}

/// `docker manifest inspect [LIST] MANIFEST`.
pub async fn inspect(c: &Context, m: &Matches) -> Outcome {
    if m.args.len() > 1 {
        // Lists are made and kept by `docker manifest create`, which is not here.
        return Err(Failure::new(format!("No such manifest: {}", m.args[1])));
    }
    let mut reference = Reference::parse(&m.args[0])?;
    reference.default_tag();
    let found = find(c, &reference, &reference.full()).await?;
    let verbose = m.on("verbose");
    let entries = found.document.get("manifests").and_then(Json::as_array);
    let printed = match entries {
        None if verbose => pretty(&whole(&reference.full(), &found, None), "\t")?,
        None => pretty(&found.document, "\t")?,
        Some(entries) if verbose => {
            let mut all = Vec::new();
            for entry in entries {
                let name = format!("{}@{}", reference.full(), text(entry, "digest"));
                let by_digest = format!("{}@{}", reference.full_name(), text(entry, "digest"));
                let one = find(c, &reference, &by_digest).await?;
                all.push(whole(&name, &one, entry.get("platform")));
            }
            pretty(&Json::Array(all), "\t")?
        }
        Some(entries) => pretty(&list(entries), "   ")?,
    };
    c.line(printed);
    Ok(0)
}

/// Has the engine ask the registry of `reference` for `name`.
async fn find(c: &Context, reference: &Reference, name: &str) -> Result<Found, Failure> {
    let request = Request::get(format!("/distribution/{name}/json"))
        .query("manifest", "1")
        .header("X-Registry-Auth", config::registry_auth(&c.config, &reference.domain));
    let answer = c.client()?.send(request).await.map_err(|failure| match failure.is_not_found() {
        true => Failure::new(format!("no such manifest: {name}")),
        false => failure,
    });
    let answer = answer?.json().await?;
    let bytes = answer.get("Manifest").and_then(Json::as_str).and_then(base64::decode).ok_or_else(|| {
        Failure::new(format!(
            "the engine at {} does not hand manifests on: use Docker's own client for 'docker manifest inspect {name}'",
            c.client().map(|client| client.host.header()).unwrap_or_default()
        ))
    })?;
    let document = serde_json::from_slice(&bytes).map_err(|e| Failure::new(format!("the manifest of {name} is no JSON: {e}")))?;
    let descriptor = answer.get("Descriptor").cloned().unwrap_or_default();
    let platform = answer.get("Platforms").and_then(|all| all.get(0)).cloned();
    Ok(Found { bytes, document, descriptor, platform })
}

/// All about one manifest, as `--verbose` wants it.
fn whole(name: &str, found: &Found, platform: Option<&Json>) -> Json {
    let mut descriptor = found.descriptor.clone();
    if let (Some(fields), Some(platform)) = (descriptor.as_object_mut(), platform.or(found.platform.as_ref())) {
        fields.insert("platform".to_owned(), platform.clone());
    }
    let kind = if text(&found.descriptor, "mediaType") == OCI_MANIFEST { "OCIManifest" } else { "SchemaV2Manifest" };
    json!({ "Ref": name, "Descriptor": descriptor, "Raw": base64::encode(&found.bytes), kind: found.document })
}

/// A list with the fields of its entries that Docker's client knows, in its order.
fn list(entries: &[Json]) -> Json {
    let manifests = entries.iter().map(|entry| {
        let fields = ["mediaType", "size", "digest", "annotations", "platform"];
        Json::Object(fields.iter().filter_map(|f| Some(((*f).to_owned(), entry.get(f)?.clone()))).collect())
    });
    let all_oci = !entries.is_empty() && entries.iter().all(|entry| text(entry, "mediaType") == OCI_MANIFEST);
    let kind = if all_oci { OCI_INDEX } else { DOCKER_LIST };
    json!({ "schemaVersion": 2, "mediaType": kind, "manifests": manifests.collect::<Vec<_>>() })
}

fn pretty(document: &Json, indent: &str) -> Result<String, Failure> {
    let mut out = Vec::new();
    let formatter = PrettyFormatter::with_indent(indent.as_bytes());
    document.serialize(&mut Serializer::with_formatter(&mut out, formatter)).map_err(|e| Failure::new(e.to_string()))?;
    String::from_utf8(out).map_err(|e| Failure::new(e.to_string()))
}
