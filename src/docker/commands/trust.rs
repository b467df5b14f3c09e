//! `docker trust …`, and what images that shall be signed need. This client verifies and makes no signatures: it goes as far as the server
//! that keeps them, says what Docker's client says where there is none, and else that it can do no more.

use std::time::Duration;

use tokio::net::{TcpStream, lookup_host};

use super::shared::together;
use crate::docker::cmdline::Matches;
use crate::docker::connection::asked_server;
use crate::docker::context::Context;
use crate::docker::failure::{Failure, Outcome};
use crate::docker::prompt;
use crate::docker::reference::{HUB, Reference};
use crate::docker::units::{parse_bool, quote};
use crate::units::go_words;

/// Where the signatures of the Hub's images are.
const HUBS_SERVER: &str = "notary.docker.io";

/// How long a server may take until it is not there.
const PATIENCE: Duration = Duration::from_secs(10);

/// Whether the user wants images to be signed, by `--disable-content-trust=false` or by the environment.
pub fn is_wanted(m: &Matches) -> bool {
    match m.get("disable-content-trust") {
        Some(disabled) => parse_bool(disabled) == Some(false),
        None => std::env::var("DOCKER_CONTENT_TRUST").is_ok_and(|v| parse_bool(&v) == Some(true)),
    }
}

/// Refuses to bring in or send an image that shall be signed. One that is named by its digest needs no signature.
pub async fn refuse_unsigned(m: &Matches, image: &Reference) -> Result<(), Failure> {
    if !is_wanted(m) || image.digest.is_some() {
        return Ok(());
    }
    Err(no_signatures(image).await)
}

/// What comes of asking for the signatures of an image.
pub async fn no_signatures(image: &Reference) -> Failure {
    match reach(&image.domain).await {
        Err(why) => Failure::new(format!("Error: error contacting notary server: {why}")),
        Ok(()) => unable("signatures are asked for, which this client cannot verify or make"),
    }
}

/// The end of the way for what needs signatures.
pub fn unable(what: &str) -> Failure {
    Failure::new(format!("{what}: use Docker's own client, or do without them (DOCKER_CONTENT_TRUST, --disable-content-trust)"))
}

/// Goes to the server that keeps the signatures of a registry's images; tells in Go's words why it cannot be reached.
async fn reach(registry: &str) -> Result<(), String> {
    let given = std::env::var("DOCKER_CONTENT_TRUST_SERVER").unwrap_or_default();
    let server = match given.strip_prefix("https://") {
        Some(server) => server.split('/').next().unwrap_or_default(),
        None if !given.is_empty() => return Err(format!("valid https URL required for trust server, got {given}")),
        None if registry == HUB => HUBS_SERVER,
        None => registry,
    };
    let has_port = server.rsplit_once(':').is_some_and(|(_, port)| port.bytes().all(|b| b.is_ascii_digit()));
    let place = if has_port { server.to_owned() } else { format!("{server}:443") };
    let Ok(addresses) = lookup_host(&place).await else {
        let name = place.rsplit_once(':').map_or(place.as_str(), |(name, _)| name);
        return Err(format!("dial tcp: lookup {name}{}: no such host", asked_server()));
    };
    let mut addresses: Vec<_> = addresses.collect();
    addresses.sort_by_key(|address| !address.is_ipv4());
    let mut first = None;
    for address in addresses {
        let why = match tokio::time::timeout(PATIENCE, TcpStream::connect(address)).await {
            Ok(Ok(_)) => return Ok(()),
            Ok(Err(e)) => format!("dial tcp {address}: connect: {}", go_words(&e)),
            Err(_) => format!("dial tcp {address}: i/o timeout"),
        };
        first.get_or_insert(why);
    }
    Err(first.unwrap_or_else(|| format!("dial tcp {place}: no addresses")))
}

/// `docker trust inspect IMAGE …`.
pub async fn inspect(c: &Context, m: &Matches) -> Outcome {
    if !m.on("pretty") {
        c.line("[]");
    }
    together(m.args.iter().map(|name| Failure::new(format!("no signatures or cannot access {name}"))).collect())
}

/// `docker trust sign IMAGE:TAG`.
pub async fn sign(_c: &Context, m: &Matches) -> Outcome {
    let reference = Reference::parse(&m.args[0])?;
    if reference.digest.is_some() {
        return Err(Failure::new("cannot use a digest reference for IMAGE:TAG"));
    }
    if reference.tag.is_none() {
        return Err(Failure::new(format!("no tag specified for {}", m.args[0])));
    }
    Err(no_signatures(&reference).await)
}

/// `docker trust revoke IMAGE[:TAG]`.
pub async fn revoke(c: &Context, m: &Matches) -> Outcome {
    let reference = Reference::parse(&m.args[0])?;
    if reference.digest.is_some() {
        return Err(Failure::new("cannot use a digest reference for IMAGE:TAG"));
    }
    let question = format!("Confirm you would like to delete all signature data for {}?", m.args[0]);
    if reference.tag.is_none() && !m.on("yes") && !prompt::confirm(c, &question).await? {
        return Ok(0);
    }
    Err(match reach(&reference.domain).await {
        Err(why) => Failure::new(format!("could not remove signature for {}: {why}", m.args[0])),
        Ok(()) => unable("signatures are to be removed, which this client cannot do"),
    })
}

/// `docker trust signer remove NAME REPOSITORY …`.
pub async fn remove_signer(c: &Context, m: &Matches) -> Outcome {
    let Some((name, repositories)) = m.args.split_first() else { return Ok(0) };
    for repository in repositories {
        c.line(format!("Removing signer {} from {repository}...", quote(name)));
        let why = match Reference::parse(repository) {
            Err(failure) => failure.text,
            Ok(image) => match reach(&image.domain).await {
                Err(why) if why.starts_with("valid https") => why,
                Err(why) => format!("error retrieving signers for {repository}: {why}"),
                Ok(()) => unable("signers are to be removed, which this client cannot do").text,
            },
        };
        c.warn(format!("{why}\n\n"));
    }
    Err(Failure::new(format!("error removing signer from: {}", repositories.join(", "))))
}

/// What needs keys, of which it is seen whether what is named is there.
pub async fn ask(c: &Context, m: &Matches) -> Outcome {
    if m.path == "trust key load" {
        let file = m.args[0].as_str();
        c.line(format!("Loading key from {}...", quote(file)));
        if let Err(e) = std::fs::metadata(file) {
            return Err(Failure::new(format!("refusing to load key from {file}: stat {file}: {}", go_words(&e))));
        }
    }
    if let Some(folder) = m.get("dir").filter(|folder| !std::path::Path::new(folder).exists()) {
        return Err(Failure::new(format!("public key path does not exist: {}", quote(folder))));
    }
    if m.path == "trust signer add" {
        let Some(key) = m.get("key") else {
            return Err(Failure::new("path to a public key must be provided using the `--key` flag"));
        };
        if let Err(e) = std::fs::File::open(key) {
            return Err(Failure::new(format!("unable to read public key from file: open {key}: {}", go_words(&e))));
        }
    }
    Err(Failure::new(format!("'docker {}' makes and keeps keys, which this client does not: use Docker's own client", m.path)))
}
