//! `/events`: what happens in the engine, as it happens.

use std::convert::Infallible;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::Response;
use futures_util::stream;
use jiff::Timestamp;
use serde_json::{Map, Value, json};
use tokio::sync::broadcast::{Receiver, error::RecvError};

use super::ApiError;
use super::json::to_vec;
use super::params::{Filters, Params, time};
use crate::{Engine, Event};

const FILTERS: [&str; 13] =
    ["config", "container", "daemon", "event", "image", "label", "network", "node", "plugin", "scope", "secret", "type", "volume"];

struct Feed {
    past: std::vec::IntoIter<Event>,
    receiver: Receiver<Event>,
    filters: Filters,
    until: Option<Timestamp>,
}

/// `GET /events`
pub async fn events(State(engine): State<Arc<Engine>>, params: Params) -> Result<Response, ApiError> {
    let bound = |key: &str| match params.get(key) {
        // What Go's conversion says of what stands before the point.
        Some(text) => time(text).map(Some).ok_or_else(|| {
            let seconds = text.split('.').next().unwrap_or_default();
            ApiError::invalid(format!("strconv.ParseInt: parsing {seconds:?}: invalid syntax"))
        }),
        None => Ok(None),
    };
    let (since, until) = (bound("since")?, bound("until")?);
    if let (Some(since), Some(until)) = (since, until)
        && until < since
    {
        let written = |key| params.get(key).unwrap_or_default();
        let (since, until) = (written("since"), written("until"));
        return Err(ApiError::invalid(format!("`since` time ({since}) cannot be after `until` time ({until})")));
    }
    let filters = params.filters(&FILTERS)?;
    let (past, receiver) = engine.events.subscribe();
    let past: Vec<Event> = match since {
        Some(since) => past.into_iter().filter(|event| event.time >= since).collect(),
        None if until.is_some() => past,
        None => Vec::new(),
    };
    let feed = Feed { past: past.into_iter(), receiver, filters, until };
    let body = Body::from_stream(stream::unfold(feed, |mut feed| async move {
        let event = feed.next().await?;
        let line = to_vec(&message(&event)).unwrap_or_default();
        Some((Ok::<_, Infallible>(line), feed))
    }));
    let mut response = Response::new(body);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(response)
}

impl Feed {
    /// The next event that passes the filters; `None` at the end of the time asked for.
    async fn next(&mut self) -> Option<Event> {
        loop {
            let event = match self.past.next() {
                Some(event) => event,
                None => self.receive().await?,
            };
            if self.until.is_some_and(|until| event.time > until) {
                return None;
            }
            if accepts(&self.filters, &event) {
                return Some(event);
            }
        }
    }

    async fn receive(&mut self) -> Option<Event> {
        loop {
            let received = match self.until {
                None => self.receiver.recv().await,
                Some(until) => {
                    let left = std::time::Duration::try_from(until.duration_since(Timestamp::now())).unwrap_or_default();
                    tokio::time::timeout(left, self.receiver.recv()).await.ok()?
                }
            };
            match received {
                Ok(event) => return Some(event),
                // A listener that is too slow misses some.
                Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return None,
            }
        }
    }
}

/// Whether an event passes: any value of each filter that is set.
fn accepts(filters: &Filters, event: &Event) -> bool {
    let any = |name: &str, test: &dyn Fn(&str) -> bool| filters.get(name).is_empty() || filters.get(name).iter().any(|value| test(value));
    let name = event.attributes.get("name").map(String::as_str).unwrap_or_default();
    let actor = |kind: &'static str| {
        move |value: &str| {
            event.kind == kind
                && (event.actor == value || event.actor.starts_with(value) || name == value || name.trim_start_matches('/') == value)
        }
    };
    let image = |value: &str| {
        let bare = |text: &str| text.split_once(':').map_or(text.to_owned(), |(bare, _)| bare.to_owned());
        let mine = if event.kind == "image" { name } else { event.attributes.get("image").map(String::as_str).unwrap_or_default() };
        let id = if event.kind == "image" { event.actor.as_str() } else { "" };
        mine == value || id == value || bare(mine) == value || bare(id) == value
    };
    let label = |value: &str| match value.split_once('=') {
        Some((key, value)) => event.attributes.get(key).is_some_and(|have| have == value),
        None => event.attributes.contains_key(value),
    };
    any("event", &|value| event.action == value || event.action.split(':').next() == Some(value))
        && any("type", &|value| event.kind == value)
        && any("scope", &|value| value == "local")
        && any("container", &actor("container"))
        && any("network", &actor("network"))
        && any("volume", &actor("volume"))
        && any("image", &image)
        && filters.get("label").iter().all(|value| label(value))
        && ["config", "daemon", "node", "plugin", "secret"].iter().all(|kind| filters.get(kind).is_empty())
}

/// An event in Docker's form; containers and images have their old fields too.
fn message(event: &Event) -> Value {
    let mut message = Map::new();
    if matches!(event.kind, "container" | "image") {
        message.insert("status".into(), event.action.clone().into());
        // What befell no one in particular has no id.
        if !event.actor.is_empty() {
            message.insert("id".into(), event.actor.clone().into());
        }
        if let Some(image) = event.attributes.get("image") {
            message.insert("from".into(), image.clone().into());
        }
    }
    message.insert("Type".into(), event.kind.into());
    message.insert("Action".into(), event.action.clone().into());
    message.insert("Actor".into(), json!({ "ID": event.actor, "Attributes": event.attributes }));
    message.insert("scope".into(), "local".into());
    message.insert("time".into(), event.time.as_second().into());
    message.insert("timeNano".into(), i64::try_from(event.time.as_nanosecond()).unwrap_or(i64::MAX).into());
    Value::Object(message)
}
