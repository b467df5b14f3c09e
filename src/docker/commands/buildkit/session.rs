//! What this machine has for a build while it goes on, and nothing else: the folders that the command line names, its secrets, the
//! logins, a place for what comes out. The engine asks for them in the build's session.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Write};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;

use super::agents::{self, Agent};
use super::choice::Wanted;
use super::content;
use crate::buildkit::calls::unknown;
use crate::buildkit::connection::Connection;
use crate::buildkit::messages::control::Empty;
use crate::buildkit::messages::session::{AgentRequest, ContentRequest, Health, Login, LoginRequest, Piece, Secret, SecretRequest, Stat};
use crate::buildkit::methods::{
    AGENT, AGENT_FORWARD, AGENT_ID, CONTENT, CONTENT_INFO, FILES, HEALTH, KEEP, LOGIN, OUTPUT_ID, SECRET, UPLOAD,
};
use crate::buildkit::stream::read;
use crate::buildkit::transfer::{Exchange, Owner, PIECE, Waiter, receive, send_file, send_folder};
use crate::buildkit::{Call, Inbound, Outgoing, Status, headers, serve, status};
use crate::docker::commands::cp_archive;
use crate::docker::config;
use crate::units::go_words;

/// All that can be asked for, whatever the command line says.
const METHODS: [&str; 6] = [FILES, KEEP, UPLOAD, SECRET, LOGIN, HEALTH];

/// A folder that the engine may ask for files of.
pub enum Folder {
    Disk(PathBuf),
    /// A Dockerfile and no more.
    Dockerfile(Bytes),
    Empty,
}

/// Where the files of a build go.
pub enum Keep {
    Folder(PathBuf),
    File(PathBuf),
    Stdout,
}

/// What is offered.
pub struct Offers {
    /// The session's name, which no other has.
    pub id: String,
    pub folders: BTreeMap<String, Folder>,
    /// A context that comes as one archive.
    pub upload: Mutex<Option<Box<dyn Read + Send>>>,
    pub secrets: BTreeMap<String, Vec<u8>>,
    /// Agents of keys.
    pub agents: BTreeMap<String, Agent>,
    /// Where files go, by the numbers of the outputs.
    pub keep: BTreeMap<String, Keep>,
    /// Folders in OCI's layout, by the names that the engine has for them.
    pub layouts: BTreeMap<String, PathBuf>,
    /// The folder with the logins.
    pub config: String,
}

impl Offers {
    /// The headers of the request that opens the session; `key` is the same for builds of the same folder.
    pub fn headers(&self, key: &str) -> Vec<(&'static str, String)> {
        let mut headers = vec![
            ("X-Docker-Expose-Session-Uuid", self.id.clone()),
            ("X-Docker-Expose-Session-Name", "docker".to_owned()),
            ("X-Docker-Expose-Session-Sharedkey", key.to_owned()),
        ];
        let agents: &[&str] = if self.agents.is_empty() { &[] } else { &[AGENT, AGENT_FORWARD] };
        let content: &[&str] = if self.layouts.is_empty() { &[] } else { &[CONTENT, CONTENT_INFO] };
        let methods = METHODS.iter().chain(agents).chain(content);
        headers.extend(methods.map(|method| ("X-Docker-Expose-Session-Grpc-Method", (*method).to_owned())));
        headers
    }

    /// Answers until the engine hangs up.
    pub async fn serve(self: Arc<Self>, connection: Connection) {
        serve(connection, move |path, call| answer(Arc::clone(&self), path, call)).await;
    }
}

async fn answer(offers: Arc<Offers>, path: String, mut call: Call) {
    let done = match path.as_str() {
        FILES => {
            let answered = call.stream();
            on_thread(answered, move |asked, exchange| files(&offers, &asked, exchange)).await
        }
        KEEP => on_thread(call.stream(), move |asked, exchange| keep(&offers, &asked, exchange)).await,
        UPLOAD => on_thread(call.stream(), move |_, exchange| upload(&offers, exchange)).await,
        SECRET => secret(&offers, &mut call).await.or_else(|status| refused(&mut call, &status)),
        AGENT => agent(&offers, &mut call).await.or_else(|status| refused(&mut call, &status)),
        AGENT_FORWARD => forward(&offers, call).await,
        CONTENT => layout(offers, call).await,
        CONTENT_INFO => content::info(&offers.layouts, &mut call).await.or_else(|status| refused(&mut call, &status)),
        LOGIN => login(&offers, &mut call).await.or_else(|status| refused(&mut call, &status)),
        HEALTH => call.reply(&Health { status: 1 }).await,
        _ => refused(&mut call, &unknown(&path)),
    };
    // An engine that is gone needs no answer.
    drop(done);
}

fn refused(call: &mut Call, status: &Status) -> Result<(), Status> {
    call.refuse(status);
    Ok(())
}

/// Answers a call on a thread that may wait for disks.
async fn on_thread(
    answered: Result<(hyper::HeaderMap, Outgoing, Inbound), Status>,
    work: impl FnOnce(hyper::HeaderMap, Exchange<'_>) -> Result<(), Status> + Send + 'static,
) -> Result<(), Status> {
    let (headers, mut out, mut inbound) = answered?;
    let waiter = Waiter::endless();
    let (done, told) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        let ended = work(headers, Exchange { waiter: &waiter, out: &mut out, inbound: &mut inbound, progress: &|_| {} });
        let _ = out.trailers(ended.err().map_or_else(Status::well, |status| status.trailers()));
        let _ = done.send(());
    });
    let _ = told.await;
    Ok(())
}

/// Sends what is asked for of a layout.
async fn layout(offers: Arc<Offers>, mut call: Call) -> Result<(), Status> {
    match call.message::<ContentRequest>().await {
        Ok(request) => on_thread(call.stream(), move |asked, exchange| content::read(&offers.layouts, &asked, &request, exchange)).await,
        Err(status) => refused(&mut call, &status),
    }
}

fn files(offers: &Offers, asked: &hyper::HeaderMap, exchange: Exchange<'_>) -> Result<(), Status> {
    let names = headers::list(asked, "dir-name");
    let name = names.first().map_or("", String::as_str);
    let follow = headers::list(asked, "followpaths");
    match offers.folders.get(name) {
        None => Err(Status::new(status::NOT_FOUND, format!("no access allowed to dir {name:?}"))),
        Some(Folder::Disk(root)) => {
            let wanted = Wanted::of(root, &follow, &headers::list(asked, "exclude-patterns"));
            let wanted = wanted.map_err(|e| Status::new(status::INVALID, e.to_string()))?;
            send_folder(exchange, root, &wanted, Owner::Root)
        }
        Some(Folder::Dockerfile(text)) => {
            let wanted = follow.is_empty() || follow.iter().any(|path| path == "Dockerfile");
            let modified = i64::try_from(jiff::Timestamp::now().as_nanosecond()).unwrap_or(0);
            let size = i64::try_from(text.len()).unwrap_or(i64::MAX);
            let stat = Stat { path: "Dockerfile".to_owned(), mode: 0o644, size, modified, ..Stat::default() };
            send_file(exchange, wanted.then(|| (stat, text.clone())))
        }
        Some(Folder::Empty) => send_file(exchange, None),
    }
}

fn failed(what: &str, path: &std::path::Path, error: &std::io::Error) -> Status {
    Status::unknown(format!("{what} {}: {}", path.display(), go_words(error)))
}

fn keep(offers: &Offers, asked: &hyper::HeaderMap, exchange: Exchange<'_>) -> Result<(), Status> {
    // An engine that knows of one output only does not say which it means.
    let named = asked.get(OUTPUT_ID).and_then(|id| offers.keep.get(id.to_str().ok()?));
    let place = named.or_else(|| offers.keep.values().next().filter(|_| offers.keep.len() == 1));
    match place.ok_or_else(|| Status::new(status::UNIMPLEMENTED, "this build gives no such files"))? {
        Keep::Folder(folder) => {
            std::fs::create_dir_all(folder).map_err(|e| failed("mkdir", folder, &e))?;
            let (reader, mut writer) = std::io::pipe().map_err(|e| Status::unknown(format!("cannot make a pipe: {}", go_words(&e))))?;
            std::thread::scope(|scope| {
                let unpacking = scope.spawn(move || cp_archive::unpack(reader, folder, None));
                let received = receive(exchange, &mut |_| false, &mut writer);
                drop(writer);
                // Where the disk takes no more, that is why no more was received.
                let unpacked =
                    unpacking.join().unwrap_or_else(|_| Err(crate::docker::failure::Failure::new("the files could not be unpacked")));
                unpacked.map_err(|e| Status::unknown(e.text))?;
                received.map(drop)
            })
        }
        Keep::File(path) => {
            if let Some(above) = path.parent() {
                std::fs::create_dir_all(above).map_err(|e| failed("mkdir", above, &e))?;
            }
            let mut file = File::create(path).map_err(|e| failed("open", path, &e))?;
            pieces(exchange, &mut file).and_then(|()| file.sync_all().map_err(|e| failed("write", path, &e)))
        }
        Keep::Stdout => pieces(exchange, &mut std::io::stdout().lock()),
    }
}

/// Writes what comes in.
fn pieces(exchange: Exchange<'_>, to: &mut dyn Write) -> Result<(), Status> {
    while let Some(bytes) = exchange.waiter.wait(exchange.inbound.bytes())? {
        let piece: Piece = read(bytes)?;
        to.write_all(&piece.data).map_err(|e| Status::unknown(go_words(&e)))?;
    }
    to.flush().map_err(|e| Status::unknown(go_words(&e)))
}

fn upload(offers: &Offers, exchange: Exchange<'_>) -> Result<(), Status> {
    let source = offers.upload.lock().unwrap_or_else(PoisonError::into_inner).take();
    let mut source = source.ok_or_else(|| Status::new(status::NOT_FOUND, "there is no such context, or it was sent already"))?;
    let mut buffer = vec![0; PIECE];
    loop {
        match source.read(&mut buffer).map_err(|e| Status::unknown(go_words(&e)))? {
            0 => return Ok(()),
            count => {
                let piece = Piece { data: Bytes::copy_from_slice(&buffer[..count]) };
                exchange.waiter.wait(exchange.out.message(&piece))?;
            }
        }
    }
}

async fn secret(offers: &Offers, call: &mut Call) -> Result<(), Status> {
    let request: SecretRequest = call.message().await?;
    match offers.secrets.get(&request.id) {
        Some(secret) => call.reply(&Secret { data: secret.clone() }).await,
        None => Err(Status::new(status::NOT_FOUND, format!("secret {}: not found", request.id))),
    }
}

async fn agent(offers: &Offers, call: &mut Call) -> Result<(), Status> {
    let request: AgentRequest = call.message().await?;
    match offers.agents.get(&request.id) {
        Some(_) => call.reply(&Empty {}).await,
        None => Err(Status::unknown(format!("unset ssh forward key {}", request.id))),
    }
}

async fn forward(offers: &Offers, call: Call) -> Result<(), Status> {
    let (headers, mut out, mut inbound) = call.stream()?;
    let id = headers.get(AGENT_ID).and_then(|id| id.to_str().ok()).filter(|id| !id.is_empty()).unwrap_or("default");
    let answered = match offers.agents.get(id) {
        Some(agent) => agents::answer(agent, &mut out, &mut inbound).await,
        None => Err(Status::unknown(format!("unset ssh forward key {id}"))),
    };
    out.trailers(answered.err().map_or_else(Status::well, |status| status.trailers()))
}

async fn login(offers: &Offers, call: &mut Call) -> Result<(), Status> {
    let request: LoginRequest = call.message().await?;
    let (username, secret) = config::login(&offers.config, &request.host).unwrap_or_default();
    call.reply(&Login { username, secret }).await
}
