//! `moby.buildkit.v1.frontend.LLBBridge`: a client that builds by parts asks for one, and says at the end which of them it wants.

use super::request::Order;
use super::{Desk, capabilities};
use crate::buildkit::calls::{Call, unknown};
use crate::buildkit::messages::control::Empty;
use crate::buildkit::messages::gateway::{Outcome, Ref, Reference, ReturnRequest, SolveRequest, SolveResponse};
use crate::buildkit::methods::BUILD;
use crate::buildkit::status::{self, Status};

pub async fn answer(call: &mut Call, desk: &Desk, method: &str) -> Result<(), Status> {
    let name = call.headers.get(BUILD).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    if name.is_empty() {
        return Err(Status::new(status::INVALID, format!("the call says to no build that it belongs ({BUILD})")));
    }
    let job = call.wanted(desk.jobs.get(&name)).await?;
    match method {
        "Ping" => call.reply(&capabilities::pong(desk)).await,
        "Solve" => {
            let request: SolveRequest = call.message().await?;
            if request.frontend.is_empty() && request.definition.is_none_or(|definition| definition.steps.is_empty()) {
                let outcome = Outcome::default();
                return call.reply(&SolveResponse { result: Some(outcome) }).await;
            }
            if let Some(name) = request.inputs.keys().next() {
                return Err(Status::unknown(format!("unsupported frontend capability moby.buildkit.frontend.inputs (for {name})")));
            }
            let order = Order::read(&request.frontend, request.attributes)?;
            let outcome = match order.question {
                Some(question) => {
                    let metadata = call.wanted(job.answer(desk, order, question)).await?;
                    Outcome { metadata, ..Outcome::default() }
                }
                None => {
                    let id = call.wanted(job.start(desk, order)).await?;
                    Outcome { reference: Some(Reference::One(Ref { id, definition: None })), ..Outcome::default() }
                }
            };
            call.reply(&SolveResponse { result: Some(outcome) }).await
        }
        "Return" => {
            let request: ReturnRequest = call.message().await?;
            let returned = match (request.error, request.result) {
                (Some(error), _) if error.code != 0 => Err(error),
                (_, Some(outcome)) => Ok(the_one(outcome)?),
                (_, None) => Ok(None),
            };
            job.return_with(returned)?;
            call.reply(&Empty {}).await
        }
        _ => Err(unknown(&format!("moby.buildkit.v1.frontend.LLBBridge/{method}"))),
    }
}

/// The part that is the result.
fn the_one(outcome: Outcome) -> Result<Option<String>, Status> {
    let mut ids: Vec<String> = match outcome.reference {
        None => Vec::new(),
        Some(Reference::Old(id)) => vec![id],
        Some(Reference::OldMany(map)) => map.references.into_values().collect(),
        Some(Reference::One(reference)) => vec![reference.id],
        Some(Reference::Many(map)) => map.references.into_values().map(|reference| reference.id).collect(),
    };
    ids.retain(|id| !id.is_empty());
    if ids.len() > 1 {
        return Err(Status::unknown("multiple platforms feature is currently not supported: build for one platform at a time"));
    }
    Ok(ids.pop())
}
