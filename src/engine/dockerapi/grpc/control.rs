//! `moby.buildkit.v1.Control`: builds from beginning to end, what they tell, and what they have kept.

use std::collections::HashMap;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::json;

use super::request::{self, Order};
use super::{Desk, capabilities};
use crate::base64;
use crate::build::{Export, Going, Kept, Made, Output, kept};
use crate::buildkit::calls::{Call, unknown};
use crate::buildkit::messages::control::{
    HistoryRequest, Info, PruneRequest, SolveRequest, SolveResponse, StatusRequest, Time, Usage, UsageRequest, Usages, Workers,
};
use crate::buildkit::status::{self, Status};
use crate::image::Top;

/// The calls with one answer.
pub async fn answer(call: &mut Call, desk: &Desk, method: &str) -> Result<(), Status> {
    match method {
        "Info" => call.reply(&Info { version: Some(capabilities::version()) }).await,
        "ListWorkers" => {
            let worker = capabilities::worker(desk);
            call.reply(&Workers { records: vec![worker] }).await
        }
        "Solve" => solve(call, desk).await,
        "DiskUsage" => {
            let request: UsageRequest = call.message().await?;
            let usages = usages(desk, &request.filters).await?;
            call.reply(&Usages { records: usages.iter().map(usage).collect() }).await
        }
        _ => Err(unknown(&format!("moby.buildkit.v1.Control/{method}"))),
    }
}

async fn solve(call: &mut Call, desk: &Desk) -> Result<(), Status> {
    let request: SolveRequest = call.message().await?;
    if request.definition.as_ref().is_some_and(|definition| !definition.steps.is_empty()) {
        return Err(Status::unknown("this engine builds Dockerfiles; it does not take a graph of steps"));
    }
    let outputs = request::outputs(&request)?;
    let exports = request.cache.iter().flat_map(|cache| &cache.exports);
    if let Some(other) = exports.into_iter().find(|export| export.kind != "inline") {
        return Err(Status::unknown(format!("unknown cache exporter: {:?}", other.kind)));
    }
    let (begun, returned) = desk.jobs.begin(&request)?;
    let job = &begun.job;
    let work = async {
        let id = if request.frontend.is_empty() {
            let lost = |_| Status::new(status::CANCELLED, crate::trace::CANCELLED);
            returned.await.map_err(lost)?.map_err(Status)?
        } else {
            let order = Order::read(&request.frontend, request.attributes)?;
            match order.question {
                // Its answer goes to those who ask by parts.
                Some(question) => job.answer(desk, order, question).await.map(|_| None)?,
                None => Some(job.start(desk, order).await?),
            }
        };
        match id {
            Some(id) => job.finish(&id, outputs.clone()).await.map(|made| described(&made, &outputs)),
            None => Ok(HashMap::new()),
        }
    };
    let exporter = call.wanted(work).await?;
    drop(begun);
    call.reply(&SolveResponse { exporter }).await
}

/// What a client is told of what was made.
fn described(made: &Made, outputs: &[Output]) -> HashMap<String, String> {
    let mut said = HashMap::new();
    let mut say = |name: &str, value: String| drop(said.insert(name.to_owned(), value));
    if let Some(Top { media_type, digest, size }) = &made.package {
        let descriptor = json!({ "mediaType": media_type, "digest": digest, "size": size }).to_string();
        say("containerimage.descriptor", base64::encode(descriptor.as_bytes()));
        say("containerimage.digest", digest.to_string());
    }
    if let Some(id) = &made.image {
        say("containerimage.digest", id.to_string());
        say("containerimage.config.digest", id.to_string());
    }
    for output in outputs {
        if let Export::Image(names) | Export::Push { names, .. } | Export::Layout { names, .. } = &output.export
            && !names.is_empty()
        {
            let names: Vec<String> = names.iter().map(ToString::to_string).collect();
            say("image.name", names.join(","));
        }
    }
    said
}

/// What a build tells, as it tells it.
pub async fn status(call: &mut Call, desk: &Desk) -> Result<(), Status> {
    let request: StatusRequest = call.message().await?;
    let job = call.wanted(desk.jobs.get(&request.reference)).await?;
    let mut out = call.begin()?;
    let mut told = 0;
    // A client that is gone is told no more.
    while let Some(news) = tokio::select! { news = job.news(told) => news, () = out.reset() => return Ok(()) } {
        for news in news {
            told += 1;
            if out.bytes(&news).await.is_err() {
                return Ok(());
            }
        }
    }
    let _ = out.trailers(Status::well());
    Ok(())
}

/// Builds that are under way, for those who only want to know whether they can ask: none is remembered.
pub async fn history(call: &mut Call) -> Result<(), Status> {
    let request: HistoryRequest = call.message().await?;
    if !request.early_exit {
        return Err(Status::new(status::UNIMPLEMENTED, "this engine keeps no history of builds"));
    }
    let mut out = call.begin()?;
    let _ = out.trailers(Status::well());
    Ok(())
}

async fn usages(desk: &Desk, filters: &[String]) -> Result<Vec<Kept>, Status> {
    if let Some(filter) = filters.iter().find(|filter| !filter.is_empty()) {
        return Err(Status::new(status::INVALID, format!("the filter {filter} is not known here")));
    }
    let engine = desk.engine.clone();
    tokio::task::spawn_blocking(move || kept(&engine)).await.map_err(|e| Status::new(status::INTERNAL, e.to_string()))
}

fn usage(kept: &Kept) -> Usage {
    let time = |time: Timestamp| Some(Time { seconds: time.as_second(), nanoseconds: time.subsec_nanosecond() });
    Usage {
        id: kept.id.clone(),
        mutable: false,
        in_use: false,
        size: i64::try_from(kept.size).unwrap_or(i64::MAX),
        created: time(kept.created),
        last_used: time(kept.last_used),
        count: 1,
        description: kept.description.clone(),
        kind: kept.kind.clone(),
        shared: kept.shared,
        parents: if kept.parent.is_empty() { Vec::new() } else { vec![kept.parent.clone()] },
    }
}

/// Lets go of what builds have kept, and tells of each.
pub async fn prune(call: &mut Call, desk: &Desk) -> Result<(), Status> {
    let request: PruneRequest = call.message().await?;
    let before = usages(desk, &request.filters).await?;
    let engine = desk.engine.clone();
    let kept_for = u64::try_from(request.keep_duration).unwrap_or(0);
    let going = Going {
        all: request.all,
        keep: u64::try_from(request.keep_bytes).ok().filter(|keep| *keep > 0),
        until: (kept_for > 0).then(|| Timestamp::now().checked_sub(Duration::from_nanos(kept_for)).unwrap_or_default()),
        ..Going::default()
    };
    let pruned = tokio::task::spawn_blocking(move || crate::build::prune(&engine, &going)).await;
    let (ids, _) = pruned.map_err(|e| Status::new(status::INTERNAL, e.to_string()))?;
    let mut out = call.begin()?;
    for gone in before.iter().filter(|kept| ids.contains(&kept.id)) {
        if out.message(&usage(gone)).await.is_err() {
            return Ok(());
        }
    }
    let _ = out.trailers(Status::well());
    Ok(())
}
