//! The calls of one build: it is asked for by parts, as BuildKit's clients do, its news are shown meanwhile, and what it came to is
//! returned to the engine, which makes of it what the command line says.

use std::collections::HashMap;
use std::io::Write;
use std::time::Duration;

use crate::buildkit::messages::control::{
    CacheEntry, CacheOptions, Empty, Exporter, RpcStatus, SolveRequest, SolveResponse, StatusRequest,
};
use crate::buildkit::messages::gateway::{self, ReturnRequest};
use crate::buildkit::methods::{BUILD, PART, RETURN, SOLVE, STATUS};
use crate::buildkit::{Caller, Inbound, Status, status};
use crate::docker::progressui::{Display, TICK};
use crate::trace::wire;

/// How long the last news may take once the build has failed.
const LAST_NEWS: Duration = Duration::from_secs(1);

/// What a build has come to.
#[derive(Default)]
pub struct Made {
    /// What the exporter says of it.
    pub said: HashMap<String, String>,
    /// The answer to a question about the Dockerfile.
    pub answer: HashMap<String, Vec<u8>>,
}

/// A build that is asked for.
pub struct Order {
    /// Its name.
    pub reference: String,
    pub session: String,
    /// What the build may do beyond the usual.
    pub allowed: Vec<String>,
    pub attributes: HashMap<String, String>,
    /// Whether the image shall carry its cache.
    pub inline: bool,
    /// What it shall come to; nothing where there are none.
    pub exporters: Vec<Exporter>,
}

fn inline() -> CacheEntry {
    CacheEntry { kind: "inline".to_owned(), ..CacheEntry::default() }
}

/// Builds and shows it, but for the display's end.
pub async fn solve(engine: &Caller, order: Order, display: &mut Display) -> Result<Made, Status> {
    let reference = order.reference.clone();
    // Engines that know of one only take it from its old place.
    let first = order.exporters.first().cloned().unwrap_or_default();
    let request = SolveRequest {
        reference: order.reference,
        session: order.session,
        entitlements: order.allowed,
        cache: order.inline.then(|| CacheOptions { exports: vec![inline()], ..CacheOptions::default() }),
        exporter: first.kind,
        exporter_attributes: first.attributes,
        exporters: if order.exporters.len() > 1 { order.exporters } else { Vec::new() },
        ..SolveRequest::default()
    };
    let building = async {
        let whole = engine.call::<SolveResponse>(SOLVE, &[], &request);
        let parts = part(engine, &reference, order.attributes);
        tokio::pin!(whole, parts);
        let (whole, part) = tokio::select! {
            // Where the build as a whole fails first, there is no part to wait for.
            whole = &mut whole => (Ok(whole?), parts.await),
            part = &mut parts => (whole.await, part),
        };
        match (whole, part) {
            (Ok(whole), Ok(answer)) => Ok(Made { said: whole.exporter, answer }),
            // What went wrong in the part is why the whole did.
            (Err(whole), Err(part)) => Err(if whole.0.code == status::CANCELLED || whole.0.details.is_empty() { part } else { whole }),
            (Err(status), _) | (_, Err(status)) => Err(status),
        }
    };
    tokio::pin!(building);
    let follow = StatusRequest { reference: reference.clone() };
    let following = engine.ask(STATUS, &[], &follow);
    let mut news: Option<Inbound> = None;
    tokio::pin!(following);
    let mut ticker = tokio::time::interval_at(tokio::time::Instant::now() + TICK, TICK);
    ticker.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut asked = false;
    let mut told = false;
    let mut ended: Option<Result<Made, Status>> = None;
    let mut deadline = None;
    while ended.is_none() || !told {
        let text = tokio::select! {
            biased;
            inbound = &mut following, if !asked => {
                asked = true;
                match inbound {
                    Ok(inbound) => news = Some(inbound),
                    // Without news the build goes on.
                    Err(_) => told = true,
                }
                String::new()
            }
            next = async { match &mut news { Some(news) => news.bytes().await, None => std::future::pending().await } }, if !told => {
                match next {
                    Ok(Some(bytes)) => wire::decode(&bytes).map_or_else(String::new, |news| display.update(news)),
                    Ok(None) | Err(_) => { told = true; String::new() }
                }
            }
            done = &mut building, if ended.is_none() => {
                deadline = Some(tokio::time::Instant::now() + LAST_NEWS);
                ended = Some(done);
                String::new()
            }
            () = async { match deadline { Some(at) => tokio::time::sleep_until(at).await, None => std::future::pending().await } } => {
                told = true;
                String::new()
            }
            _ = ticker.tick() => display.refresh(),
        };
        write(&text);
    }
    ended.unwrap_or_else(|| Ok(Made::default()))
}

/// Asks for the part that is the whole, and returns it.
async fn part(engine: &Caller, reference: &str, attributes: HashMap<String, String>) -> Result<HashMap<String, Vec<u8>>, Status> {
    let of = [(BUILD, reference)];
    let request = gateway::SolveRequest { frontend: "dockerfile.v0".to_owned(), attributes, ..gateway::SolveRequest::default() };
    let answered = engine.call::<gateway::SolveResponse>(PART, &of, &request).await;
    let (returned, answer) = match answered {
        Ok(response) => {
            let outcome = response.result.unwrap_or_default();
            let answer = outcome.metadata.clone();
            (ReturnRequest { result: Some(outcome), error: None }, Ok(answer))
        }
        Err(failed) => {
            let RpcStatus { code, message, details } = failed.0.clone();
            (ReturnRequest { result: None, error: Some(RpcStatus { code, message, details }) }, Err(failed))
        }
    };
    // Where it cannot be returned the whole says why.
    let _ = engine.call::<Empty>(RETURN, &of, &returned).await;
    answer
}

pub fn write(text: &str) {
    if !text.is_empty() {
        // Nobody may read it.
        let _ = std::io::stderr().lock().write_all(text.as_bytes());
    }
}
