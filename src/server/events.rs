//! What open pages are told as it happens: of the slides, of the class, and now and then that the server is alive.
//!
//! A message is written once, as the bytes that go over the wire, and all who listen are sent those same bytes. Nobody waits for
//! another one: who is slow finds only the last message when it comes back for more.

use std::collections::HashMap;
use std::convert::Infallible;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{Query, State};
use axum::http::{HeaderValue, header};
use axum::response::Response;
use futures_util::stream;
use tokio::sync::watch;
use tokio::time::{Interval, MissedTickBehavior, interval_at};

use super::class::{Listener, Told};
use super::http::Show;
use super::live::News;
use super::patch::{Patch, Patches};

/// Proxies hang up on a connection on which nothing is said.
const ALIVE: Duration = Duration::from_secs(15);

/// Above this a patch is not sent to all who listen; a page that wants it asks for it.
const LARGEST_PATCH: usize = 256 * 1024;

/// An event as it is sent; `name` is empty for a message without one.
pub(super) fn frame(name: &str, data: &impl serde::Serialize) -> Bytes {
    // What is told are texts and numbers, which can always be written.
    let json = serde_json::to_string(data).unwrap_or_default();
    let event = if name.is_empty() { String::new() } else { format!("event: {name}\n") };
    format!("retry: 300\n{event}data: {json}\n\n").into()
}

/// News of the slides, written down for those who listen.
#[derive(Clone, Debug, Default)]
pub struct Bulletin {
    pub news: News,
    frame: Bytes,
    /// For those who show a page: the news with what they have to change on it.
    pages: HashMap<String, Bytes>,
}

impl Bulletin {
    /// `patches` lead to the version of `news`.
    pub(super) fn new(news: News, patches: &Patches) -> Self {
        #[derive(serde::Serialize)]
        struct Message<'a> {
            #[serde(flatten)]
            news: &'a News,
            from: &'a str,
            patch: &'a Patch,
        }
        let mut pages = HashMap::new();
        if patches.to == news.version {
            for (page, patch) in patches.pages().filter(|(_, patch)| patch.html.len() <= LARGEST_PATCH) {
                pages.insert(page.to_owned(), frame("", &Message { news: &news, from: &patches.from, patch }));
            }
        }
        Bulletin { frame: frame("", &news), pages, news }
    }

    fn frame_for(&self, page: Option<&str>) -> Bytes {
        page.and_then(|page| self.pages.get(page)).unwrap_or(&self.frame).clone()
    }
}

/// Who wants to be told.
#[derive(serde::Deserialize)]
pub(super) struct Listening {
    /// The presenter is not one of those who follow.
    presenter: Option<String>,
    /// The page that is shown there.
    page: Option<String>,
}

/// One who listens.
struct Ear {
    news: watch::Receiver<Bulletin>,
    class: watch::Receiver<Told>,
    alive: Interval,
    page: Option<String>,
    /// What it has not been told at all yet.
    first: Option<About>,
    _listener: Option<Listener>,
}

#[derive(Clone, Copy)]
enum About {
    Slides,
    Class,
    Nothing,
}

/// `/dockside/events`: how things are, and all that changes from then on.
pub(super) async fn events(State(show): State<Show>, Query(listening): Query<Listening>) -> Response {
    let mut alive = interval_at(tokio::time::Instant::now() + ALIVE, ALIVE);
    alive.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let ear = Ear {
        news: show.live.news(),
        class: show.class.follow(),
        alive,
        page: listening.page,
        first: Some(About::Slides),
        _listener: listening.presenter.is_none().then(|| show.class.listener()),
    };
    let mut response = Response::new(Body::from_stream(stream::unfold(ear, next)));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}

/// Waits for the next message; the end is that of the server.
async fn next(mut ear: Ear) -> Option<(Result<Bytes, Infallible>, Ear)> {
    let about = match ear.first {
        Some(about) => about,
        None => tokio::select! {
            changed = ear.class.changed() => changed.map(|()| About::Class).ok()?,
            changed = ear.news.changed() => changed.map(|()| About::Slides).ok()?,
            _ = ear.alive.tick() => About::Nothing,
        },
    };
    ear.first = matches!((ear.first, about), (Some(_), About::Slides)).then_some(About::Class);
    let frame = match about {
        About::Slides => ear.news.borrow_and_update().frame_for(ear.page.as_deref()),
        About::Class => ear.class.borrow_and_update().frame.clone(),
        About::Nothing => Bytes::from_static(b":\n\n"),
    };
    Some((Ok(frame), ear))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_one_event() {
        assert_eq!(frame("class", &"a\nb"), "retry: 300\nevent: class\ndata: \"a\\nb\"\n\n".as_bytes());
        assert_eq!(frame("", &1), "retry: 300\ndata: 1\n\n".as_bytes());
    }

    #[test]
    fn all_are_sent_the_same_bytes() {
        let bulletin = Bulletin::new(News::default(), &Patches::default());
        let (one, other) = (bulletin.frame_for(None), bulletin.frame_for(Some("a.html")));
        assert_eq!(one.as_ptr(), other.as_ptr());
    }
}
