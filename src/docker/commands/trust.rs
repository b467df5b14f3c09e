//! `docker trust …`. This client verifies and makes no signatures: it says so, and where Docker's client goes on without them, so does it.

use super::shared::together;
use crate::docker::cmdline::Matches;
use crate::docker::context::Context;
use crate::docker::failure::{Failure, Outcome};
use crate::docker::reference::Reference;
use crate::docker::units::parse_bool;

/// Refuses to bring in or send what the user wants signed.
pub fn refuse_unsigned(m: &Matches) -> Result<(), Failure> {
    let wanted = match m.get("disable-content-trust") {
        Some(disabled) => parse_bool(disabled) == Some(false),
        None => std::env::var("DOCKER_CONTENT_TRUST").is_ok_and(|v| parse_bool(&v) == Some(true)),
    };
    if !wanted {
        return Ok(());
    }
    Err(Failure::new(
        "Error: signatures are asked for (DOCKER_CONTENT_TRUST or --disable-content-trust=false), which this client cannot verify or make: \
         unset the variable, or use Docker's own client",
    ))
}

/// `docker trust inspect IMAGE …`.
pub async fn inspect(c: &Context, m: &Matches) -> Outcome {
    if !m.on("pretty") {
        c.line("[]");
    }
    together(m.args.iter().map(|name| Failure::new(format!("no signatures or cannot access {name}"))).collect())
}

/// `docker trust sign IMAGE:TAG`.
pub async fn sign(c: &Context, m: &Matches) -> Outcome {
    let reference = Reference::parse(&m.args[0])?;
    if reference.digest.is_some() {
        return Err(Failure::new("cannot use a digest reference for IMAGE:TAG"));
    }
    if reference.tag.is_none() {
        return Err(Failure::new(format!("no tag specified for {}", m.args[0])));
    }
    ask(c, m).await
}

/// `docker trust revoke IMAGE[:TAG]`.
pub async fn revoke(c: &Context, m: &Matches) -> Outcome {
    if Reference::parse(&m.args[0])?.digest.is_some() {
        return Err(Failure::new("cannot use a digest reference for IMAGE:TAG"));
    }
    ask(c, m).await
}

/// What needs keys and a server that keeps signatures.
pub async fn ask(_c: &Context, m: &Matches) -> Outcome {
    if m.path == "trust signer add" && !m.given("key") {
        return Err(Failure::new("path to a public key must be provided using the `--key` flag"));
    }
    Err(Failure::new(format!("'docker {}' makes and keeps keys, which this client does not: use Docker's own client", m.path)))
}
