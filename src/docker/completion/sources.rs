//! Where the names come from that may stand for a value: fixed words, the engine's containers and images, the contexts.

use serde_json::Value as Json;

use super::{Directive, Offer, Offers};
use crate::docker::client::Request;
use crate::docker::cmdline::Matches;
use crate::docker::context::Context;
use crate::docker::contexts::DEFAULT;
use crate::docker::failure::Failure;

/// What may stand for a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    Files,
    Folders,
    /// Something that nobody can guess.
    Nothing,
    Words(&'static [&'static str]),
    /// Beginnings of words.
    Beginnings(&'static [&'static str]),
    Containers(Which),
    Images,
    Volumes,
    Networks,
    /// Names of contexts, and which of them is in use.
    Contexts,
    ContextNames,
    /// Names of this program's environment.
    Variables,
    /// What a cluster has: a path of the API, and where in each object its name is.
    Cluster(&'static str, &'static str),
}

/// Which containers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    All,
    Running,
    /// Running and not paused.
    Going,
    Paused,
    /// Those that can be started.
    Startable,
    /// Those that `rm` takes away, running ones by force alone.
    Removable,
    /// Those of the network that is the first argument.
    OfNetwork,
    /// A container with its alias behind a colon.
    Linked,
}

/// What `source` has to offer behind the arguments `before`.
pub fn offer(c: &Context, source: Source, before: &[String], given: Option<&Matches>) -> Offers {
    let plain = |words: &[&str]| words.iter().map(|word| ((*word).to_owned(), String::new())).collect::<Vec<Offer>>();
    let directive = match source {
        Source::Files => return (Vec::new(), Directive::Files),
        Source::Folders => return (Vec::new(), Directive::Folders),
        Source::Nothing => return (Vec::new(), Directive::NoFiles),
        Source::Words(words) => return (plain(words), Directive::NoFiles),
        Source::Beginnings(words) => return (plain(words), Directive::NoSpace),
        Source::Contexts | Source::ContextNames => return (contexts(c, source == Source::Contexts, before), Directive::NoFiles),
        Source::Variables => {
            let names = std::env::vars_os().filter_map(|(name, _)| Some((name.into_string().ok()?, String::new())));
            return (names.collect(), Directive::NoFiles);
        }
        Source::Containers(Which::Linked) => Directive::NoSpace,
        _ => Directive::NoFiles,
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build();
    let names = runtime.map_err(Failure::from).and_then(|runtime| runtime.block_on(ask(c, source, before, given)));
    match names {
        Ok(mut names) => {
            if source == Source::Containers(Which::Linked) {
                names.iter_mut().for_each(|name| name.push(':'));
            }
            (names.into_iter().map(|name| (name, String::new())).collect(), directive)
        }
        // A link is offered as an empty list where nobody can be asked.
        Err(_) if source == Source::Containers(Which::Linked) => (Vec::new(), directive),
        Err(_) => (Vec::new(), Directive::Stop),
    }
}

fn contexts(c: &Context, describe: bool, before: &[String]) -> Vec<Offer> {
    let about = |name: &str| match name == c.name && describe {
        true => "current".to_owned(),
        false => String::new(),
    };
    let mut names: Vec<String> = c.contexts.list().unwrap_or_default().into_iter().map(|meta| meta.name).collect();
    names.sort();
    names.push(DEFAULT.to_owned());
    names.retain(|name| !before.contains(name));
    names.into_iter().map(|name| (name.clone(), about(&name))).collect()
}

/// Asks the engine for names.
async fn ask(c: &Context, source: Source, before: &[String], given: Option<&Matches>) -> Result<Vec<String>, Failure> {
    let get = async |path: &str| c.client()?.send(Request::get(path)).await?.json().await;
    let at = |list: &Json, pointer: &str| -> Vec<String> {
        let items = list.as_array().into_iter().flatten();
        items.filter_map(|item| item.pointer(pointer)?.as_str().map(str::to_owned)).collect()
    };
    Ok(match source {
        Source::Containers(which) => containers(c, which, before, given).await?,
        Source::Images => {
            let images = get("/images/json").await?;
            let tags = images.as_array().into_iter().flatten().filter_map(|image| image.get("RepoTags")?.as_array());
            tags.flatten().filter_map(Json::as_str).filter(|tag| *tag != "<none>:<none>").map(str::to_owned).collect()
        }
        Source::Volumes => at(get("/volumes").await?.get("Volumes").unwrap_or(&Json::Null), "/Name"),
        Source::Networks => at(&get("/networks").await?, "/Name"),
        Source::Cluster(path, pointer) => {
            let mut names = at(&get(path).await?, pointer);
            names.sort();
            names.dedup();
            names
        }
        _ => Vec::new(),
    })
}

async fn containers(c: &Context, which: Which, before: &[String], given: Option<&Matches>) -> Result<Vec<String>, Failure> {
    let forced = given.is_some_and(|given| given.on("force"));
    let all = matches!(which, Which::All | Which::Startable | Which::Removable | Which::Linked | Which::OfNetwork);
    let list = c.client()?.send(Request::get("/containers/json").query_if(all, "all", "1")).await?.json().await?;
    let wanted = |container: &&Json| {
        let state = container.get("State").and_then(Json::as_str).unwrap_or_default();
        match which {
            Which::Going => state != "paused",
            Which::Paused => state == "paused",
            Which::Startable => matches!(state, "exited" | "created"),
            Which::Removable => forced || matches!(state, "exited" | "created"),
            Which::OfNetwork => {
                let networks = container.get("NetworkSettings").and_then(|settings| settings.get("Networks"));
                before.first().is_some_and(|name| networks.is_some_and(|networks| networks.get(name).is_some()))
            }
            _ => true,
        }
    };
    let ids = std::env::var("DOCKER_COMPLETION_SHOW_CONTAINER_IDS").is_ok_and(|v| v == "yes");
    let mut names = Vec::new();
    for container in list.as_array().into_iter().flatten().filter(wanted) {
        if ids {
            names.extend(container.get("Id").and_then(Json::as_str).map(str::to_owned));
        }
        let all = container.get("Names").and_then(Json::as_array).into_iter().flatten().filter_map(Json::as_str);
        names.extend(all.map(|name| name.trim_start_matches('/').to_owned()));
    }
    Ok(names)
}
