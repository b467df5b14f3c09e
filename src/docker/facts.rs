//! What help and flags depend on: which engine there is. It is asked at most once, and only where something depends on it; the engine that
//! is started where none is named is known without being started.

use super::client;
use super::cmdline::Matches;
use super::context::Context;
use super::contexts::DEFAULT;
use super::failure::Failure;
use super::tables::{Command, Flag, Needs};

/// The version of the API that the engine of this program speaks.
const OURS: &str = "1.45";

/// What is known of the engine.
#[derive(Debug, Clone)]
pub struct Facts {
    version: String,
    /// Whether it is known to have, or not to have, features that are tried out; one that does not answer may have them.
    experimental: bool,
    reached: bool,
}

impl Facts {
    /// Asks the engine of `c`.
    pub async fn of(c: &Context) -> Facts {
        if c.name == DEFAULT && c.given_host.is_none() {
            let version = client::asked_version().unwrap_or_else(|| OURS.to_owned());
            return Facts { version, experimental: false, reached: true };
        }
        let Ok(client) = c.client() else { return Facts { version: client::NEWEST.to_owned(), experimental: true, reached: false } };
        client.ping().await;
        let reached = client.reached();
        Facts { version: client.version(), experimental: !reached || client.experimental(), reached }
    }

    /// The same, outside of a runtime.
    pub fn now(c: &Context) -> Facts {
        match tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build() {
            Ok(runtime) => runtime.block_on(Facts::of(c)),
            Err(_) => Facts { version: client::NEWEST.to_owned(), experimental: true, reached: false },
        }
    }

    /// What the help of `command` depends on; nobody is asked where it depends on nothing.
    pub fn for_help(c: &Context, command: &Command) -> Facts {
        if command.all_flags().all(|flag| flag.needs == Needs::Nothing) {
            return Facts { version: OURS.to_owned(), experimental: false, reached: true };
        }
        Facts::now(c)
    }

    pub fn experimental(&self) -> bool {
        self.experimental
    }

    /// Whether the engine may manage a cluster.
    pub fn swarm(&self) -> bool {
        !self.reached
    }

    /// Whether help shows what needs this.
    pub fn shows(&self, needs: Needs) -> bool {
        match needs {
            Needs::Nothing => true,
            Needs::Api(version) => !client::older(&self.version, version),
            Needs::Experimental => self.experimental,
            Needs::Swarm => self.swarm(),
            Needs::Windows => !self.reached,
        }
    }

    /// Why the engine cannot take a flag, in Docker's words.
    fn refusal(&self, flag: &Flag) -> Option<String> {
        let name = flag.name;
        match flag.needs {
            Needs::Api(version) if client::older(&self.version, version) => {
                Some(format!("\"--{name}\" requires API version {version}, but the Docker daemon API version is {}", self.version))
            }
            Needs::Experimental if !self.experimental => {
                Some(format!("\"--{name}\" is only supported on a Docker daemon with experimental features enabled"))
            }
            Needs::Windows if self.reached => Some(format!(
                "\"--{name}\" is only supported on a Docker daemon running on windows, but the Docker daemon is running on linux"
            )),
            _ => None,
        }
    }
}

/// Refuses flags that the engine cannot take.
pub fn check(c: &Context, command: &Command, matches: &Matches) -> Result<(), Failure> {
    let mut given: Vec<&Flag> = command.all_flags().filter(|f| f.needs != Needs::Nothing && matches.given(f.name)).collect();
    if given.is_empty() {
        return Ok(());
    }
    given.sort_unstable_by_key(|f| f.name);
    let facts = Facts::now(c);
    let refusals: Vec<String> = given.into_iter().filter_map(|flag| facts.refusal(flag)).collect();
    if refusals.is_empty() { Ok(()) } else { Err(Failure::new(refusals.join("\n"))) }
}
