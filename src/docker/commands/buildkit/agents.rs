//! `--ssh`: agents of keys that single steps of a build may ask. They may ask which keys there are and for signatures, and nothing else:
//! what would change an agent is refused here.

use std::collections::BTreeMap;
use std::os::unix::fs::FileTypeExt;
use std::path::PathBuf;

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

use super::keys::{self, Key};
use crate::buildkit::messages::session::Piece;
use crate::buildkit::stream::read;
use crate::buildkit::{Inbound, Outgoing, Status, status};
use crate::docker::cmdline::Matches;
use crate::docker::failure::Failure;
use crate::units::go_words;

/// What may be asked: for the keys, and for a signature.
const ALLOWED: [u8; 2] = [11, 13];
/// The answer to all else: a message of one byte, "failure".
const REFUSED: [u8; 5] = [0, 0, 0, 1, 5];
/// As long as a message may be.
const MESSAGE_MAX: usize = 256 << 10;
const HEAD: usize = 4;

/// An agent: one that runs, or this client with keys of its own.
pub enum Agent {
    Socket(PathBuf),
    Keys(Vec<Key>),
}

/// The agents, by id. Where git is to fetch the context by SSH and nothing else is said, the user's own agent is offered, as buildx does.
pub fn read_flags(m: &Matches) -> Result<BTreeMap<String, Agent>, Failure> {
    let named: Vec<&str> = m.all("ssh").filter(|text| !text.is_empty()).collect();
    let by_ssh = m.args.first().is_some_and(|place| ["ssh://", "git@"].iter().any(|scheme| place.starts_with(scheme)));
    if named.is_empty() && by_ssh && std::env::var("SSH_AUTH_SOCK").is_ok_and(|socket| !socket.is_empty()) {
        return Ok(BTreeMap::from([one("default")?]));
    }
    named.into_iter().map(one).collect()
}

fn one(text: &str) -> Result<(String, Agent), Failure> {
    let (id, places) = text.split_once('=').unwrap_or((text, ""));
    let usual = if places.is_empty() { std::env::var("SSH_AUTH_SOCK").unwrap_or_default() } else { String::new() };
    let places: Vec<&str> = if places.is_empty() { vec![&usual] } else { places.split(',').collect() };
    let mut keys = Vec::new();
    for place in &places {
        if place.is_empty() {
            return Err(Failure::new("invalid empty ssh agent socket: make sure SSH_AUTH_SOCK is set"));
        }
        let metadata =
            std::fs::metadata(place).map_err(|e| Failure::new(format!("failed to open {place}: stat {place}: {}", go_words(&e))))?;
        if !metadata.file_type().is_socket() {
            keys.push(keys::read(place)?);
        } else if places.len() > 1 {
            return Err(Failure::new("only single socket allowed"));
        } else {
            return Ok((id.to_owned(), Agent::Socket(PathBuf::from(place))));
        }
    }
    Ok((id.to_owned(), Agent::Keys(keys)))
}

/// Answers for an agent until the other side has no more to ask.
pub async fn answer(agent: &Agent, out: &mut Outgoing, inbound: &mut Inbound) -> Result<(), Status> {
    let place = if let Agent::Socket(place) = agent { place.display().to_string() } else { String::new() };
    let lost = |e: std::io::Error| Status::unknown(format!("the agent at {place}: {}", go_words(&e)));
    let mut socket = match agent {
        Agent::Socket(place) => Some(UnixStream::connect(place).await.map_err(lost)?),
        Agent::Keys(_) => None,
    };
    let mut asked = BytesMut::new();
    while let Some(bytes) = inbound.bytes().await? {
        asked.extend_from_slice(&read::<Piece>(bytes)?.data);
        while let Some(length) = length(&asked)? {
            if asked.len() < HEAD + length {
                break;
            }
            let message = asked.split_to(HEAD + length);
            let allowed = message.get(HEAD).is_some_and(|kind| ALLOWED.contains(kind));
            let data = match (agent, &mut socket) {
                (Agent::Keys(keys), _) => {
                    let said = keys::answer(keys, &message[HEAD..]);
                    let length = u32::try_from(said.len()).map_err(|_| Status::new(status::INTERNAL, "an answer is too long"))?;
                    [length.to_be_bytes().to_vec(), said].concat().into()
                }
                (_, Some(agent)) if allowed => {
                    agent.write_all(&message).await.map_err(lost)?;
                    let mut answer = vec![0; HEAD];
                    agent.read_exact(&mut answer).await.map_err(lost)?;
                    let length = self::length(&answer)?.unwrap_or(0);
                    answer.resize(HEAD + length, 0);
                    agent.read_exact(&mut answer[HEAD..]).await.map_err(lost)?;
                    answer.into()
                }
                _ => bytes::Bytes::from_static(&REFUSED),
            };
            out.message(&Piece { data }).await?;
        }
    }
    Ok(())
}

/// How long the first message is, once that is known.
fn length(bytes: &[u8]) -> Result<Option<usize>, Status> {
    let Some(mut head) = bytes.get(..HEAD) else { return Ok(None) };
    let length = head.get_u32() as usize;
    if length > MESSAGE_MAX { Err(Status::new(status::INVALID, "a message to the agent is too long")) } else { Ok(Some(length)) }
}
