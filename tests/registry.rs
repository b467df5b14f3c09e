//! The registry of the image `registry`: held against the reference registry (Debian's `docker-registry`) request by request, by what
//! real clients do with it, and by what goes wrong.

#[path = "engine/support.rs"]
mod support;

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};
use support::{Engine, User};

const IMAGE: &str = "application/vnd.docker.distribution.manifest.v2+json";
const LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
const OCI: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";

fn has(program: &str) -> bool {
    let found = std::env::var("PATH").is_ok_and(|path| std::env::split_paths(&path).any(|folder| folder.join(program).is_file()));
    if !found {
        eprintln!("skipped: there is no {program} here");
    }
    found
}

fn digest(content: &[u8]) -> String {
    let hex: String = Sha256::digest(content).iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{hex}")
}

/// A registry on a free port.
struct Registry {
    child: Child,
    host: String,
    folder: PathBuf,
    program: PathBuf,
}

impl Registry {
    /// Ours: the binary under the name that it has in its image.
    fn ours(folder: &Path, more: &str) -> Registry {
        let program = folder.join("registry");
        let _ = symlink(env!("CARGO_BIN_EXE_dockside"), &program);
        Registry::start(program, folder, more)
    }

    fn start(program: PathBuf, folder: &Path, more: &str) -> Registry {
        let port = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address").port();
        let host = format!("127.0.0.1:{port}");
        let storage = folder.join("storage");
        let settings = format!(
            "version: 0.1\nlog:\n  level: error\nstorage:\n  filesystem:\n    rootdirectory: {}\n  delete:\n    enabled: true\nhttp:\n  \
             addr: {host}\n{more}",
            storage.display()
        );
        std::fs::write(folder.join("config.yml"), settings).expect("a file");
        let mut registry = Registry { child: Registry::spawn(&program, folder), host, folder: folder.to_owned(), program };
        registry.wait();
        registry
    }

    fn spawn(program: &Path, folder: &Path) -> Child {
        let log = std::fs::File::create(folder.join("log")).expect("a file");
        let mut command = Command::new(program);
        command.args(["serve", "config.yml"]).current_dir(folder).stdin(Stdio::null()).stdout(log.try_clone().expect("a file")).stderr(log);
        command.spawn().expect("a registry")
    }

    fn wait(&mut self) {
        let begin = Instant::now();
        while TcpStream::connect(&self.host).is_err() {
            let ended = self.child.try_wait().expect("a child");
            let log = std::fs::read_to_string(self.folder.join("log")).unwrap_or_default();
            assert!(ended.is_none() && begin.elapsed() < Duration::from_secs(20), "the registry does not serve: {log}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    fn restart(&mut self) {
        self.kill();
        self.child = Registry::spawn(&self.program, &self.folder);
        self.wait();
    }

    fn send(&self, method: &str, target: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        let mut stream = TcpStream::connect(&self.host).expect("a connection");
        stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a socket");
        let mut head = format!("{method} {target} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n", self.host);
        for (name, value) in headers {
            head += &format!("{name}: {value}\r\n");
        }
        if !body.is_empty() || matches!(method, "PUT" | "POST" | "PATCH") {
            head += &format!("Content-Length: {}\r\n", body.len());
        }
        stream.write_all(format!("{head}\r\n").as_bytes()).expect("a connection");
        // A server that has seen enough may hang up before it has read all.
        let _ = stream.write_all(body);
        let mut bytes = Vec::new();
        let _ = stream.read_to_end(&mut bytes);
        Answer::of(&bytes, &self.host)
    }

    fn get(&self, target: &str) -> Answer {
        self.send("GET", target, &[], b"")
    }

    /// Uploads a blob in one piece after the upload has been begun, as clients do.
    fn put_blob(&self, name: &str, content: &[u8]) -> Answer {
        let place = self.send("POST", &format!("/v2/{name}/blobs/uploads/"), &[], b"").place();
        self.send("PUT", &with(&place, &format!("digest={}", digest(content))), &[], content)
    }

    fn put_manifest(&self, name: &str, target: &str, kind: &str, content: &[u8]) -> Answer {
        self.send("PUT", &format!("/v2/{name}/manifests/{target}"), &[("Content-Type", kind)], content)
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        self.kill();
    }
}

fn with(place: &str, query: &str) -> String {
    format!("{place}{}{query}", if place.contains('?') { '&' } else { '?' })
}

#[derive(Debug)]
struct Answer {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    host: String,
}

impl Answer {
    fn of(bytes: &[u8], host: &str) -> Answer {
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").unwrap_or(bytes.len());
        let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
        let mut lines = head.lines();
        let status = lines.next().and_then(|line| line.split(' ').nth(1)).and_then(|code| code.parse().ok()).unwrap_or(0);
        let headers = lines.filter_map(|line| line.split_once(": ")).map(|(n, v)| (n.to_lowercase(), v.to_owned())).collect();
        Answer { status, headers, body: bytes.get(end + 4..).unwrap_or_default().to_vec(), host: host.to_owned() }
    }

    fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(n, _)| n == name).map_or("", |(_, value)| value)
    }

    /// The path of `Location`.
    fn place(&self) -> String {
        let place = self.header("location");
        place.strip_prefix(&format!("http://{}", self.host)).unwrap_or(place).to_owned()
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    fn codes(&self) -> Vec<String> {
        let body: serde_json::Value = serde_json::from_slice(&self.body).unwrap_or_default();
        body["errors"].as_array().into_iter().flatten().map(|e| format!("{}: {}", e["code"], e["message"])).collect()
    }

    /// All that a client can rely on: the status, the headers that mean something, and the body, of errors without the particulars, which
    /// are of Go's types.
    fn gist(&self) -> String {
        const TOLD: [&str; 13] = [
            "accept-ranges",
            "allow",
            "cache-control",
            "content-range",
            "content-type",
            "docker-content-digest",
            "docker-distribution-api-version",
            "docker-upload-uuid",
            "etag",
            "link",
            "location",
            "range",
            "www-authenticate",
        ];
        let mut told: Vec<String> = Vec::new();
        for (name, value) in self.headers.iter().filter(|(name, _)| TOLD.contains(&name.as_str())) {
            let value = value.replace(&self.host, "HOST");
            let value = value.split("?_state").next().unwrap_or_default().to_owned();
            // An upload's id is its own.
            let id = value.rsplit('/').next().filter(|id| id.len() == 36 && id.matches('-').count() == 4).map(str::to_owned);
            told.push(format!("{name}: {}", id.map_or(value.clone(), |id| value.replace(&id, "ID"))));
        }
        told.sort();
        let body = if self.codes().is_empty() { self.text() } else { self.codes().join("\n") };
        format!("{}\n{}\n\n{body}", self.status, told.join("\n"))
    }
}

const CONFIG: &[u8] = br#"{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]},"config":{}}"#;
const LAYER: &[u8] = b"hello layer";

fn manifest(kind: &str, config: &[u8], layers: &[&[u8]]) -> Vec<u8> {
    let layers: Vec<_> = layers
        .iter()
        .map(|l| serde_json::json!({ "mediaType": "application/vnd.docker.image.rootfs.diff.tar.gzip", "size": l.len(), "digest": digest(l) }))
        .collect();
    let config = serde_json::json!({ "mediaType": "application/vnd.docker.container.image.v1+json", "size": config.len(), "digest": digest(config) });
    serde_json::json!({ "schemaVersion": 2, "mediaType": kind, "config": config, "layers": layers }).to_string().into_bytes()
}

fn list(kind: &str, entry_kind: &str, entry: &[u8]) -> Vec<u8> {
    let entry = serde_json::json!({
        "mediaType": entry_kind, "size": entry.len(), "digest": digest(entry), "platform": { "architecture": "amd64", "os": "linux" }
    });
    serde_json::json!({ "schemaVersion": 2, "mediaType": kind, "manifests": [entry] }).to_string().into_bytes()
}

/// A conversation that touches every endpoint: each request with what it is for.
fn conversation(registry: &Registry) -> Vec<(String, String)> {
    let mut told = Vec::new();
    let mut say = |what: &str, answer: Answer| {
        told.push((what.to_owned(), answer.gist()));
        answer
    };
    let layer = digest(LAYER);
    let nothing = digest(b"nothing of the kind");
    for target in [
        "/v2/",
        "/",
        "/foo",
        "/v2/_catalog",
        "/v2/a/b/tags/list",
        "/v2/UPPER/tags/list",
        "/v2/a/-b/tags/list",
        "/v2/tags/list",
        "/v2/a/manifests/",
    ] {
        say(target, registry.get(target));
    }
    say("post base", registry.send("POST", "/v2/", &[], b""));
    for method in ["GET", "HEAD"] {
        say("missing blob", registry.send(method, &format!("/v2/a/b/blobs/{layer}"), &[], b""));
    }
    say("bad digest", registry.get("/v2/a/b/blobs/sha256:zz"));
    say("bad algorithm", registry.get("/v2/a/b/blobs/md5:abc"));
    // In pieces.
    let place = say("begin", registry.send("POST", "/v2/a/b/blobs/uploads/", &[], b"")).place();
    say("status", registry.get(&place));
    let place = say("piece", registry.send("PATCH", &place, &[("Content-Type", "application/octet-stream")], &LAYER[..4])).place();
    say("status", registry.get(&place));
    let next = [("Content-Type", "application/octet-stream"), ("Content-Range", "4-6")];
    let place = say("next piece", registry.send("PATCH", &place, &next, &LAYER[4..7])).place();
    say("no digest", registry.send("PUT", &place, &[], b""));
    say("bad digest", registry.send("PUT", &with(&place, "digest=sha256:xyz"), &[], b""));
    say("end", registry.send("PUT", &with(&place, &format!("digest={layer}")), &[], &LAYER[7..]));
    say("status after the end", registry.get(&place));
    say("cancelled after the end", registry.send("DELETE", &place, &[], b""));
    let place = registry.send("POST", "/v2/a/b/blobs/uploads/", &[], b"").place();
    say("cancelled", registry.send("DELETE", &place, &[], b""));
    let place = registry.send("POST", "/v2/a/b/blobs/uploads/", &[], b"").place();
    say("wrong digest", registry.send("PUT", &with(&place, &format!("digest={nothing}")), &[], LAYER));
    assert_eq!(registry.send("PUT", &with(&place, &format!("digest={layer}")), &[], b"").status, 404, "an upload ends with a wrong digest");
    say("whole", registry.put_blob("a/b", CONFIG));
    // From one repository to another.
    say("mount", registry.send("POST", &format!("/v2/c/d/blobs/uploads/?mount={layer}&from=a/b"), &[], b""));
    say("mount missing", registry.send("POST", &format!("/v2/c/d/blobs/uploads/?mount={nothing}&from=a/b"), &[], b""));
    say("mount bad", registry.send("POST", "/v2/c/d/blobs/uploads/?mount=bad&from=a/b", &[], b""));
    say("mount from bad", registry.send("POST", &format!("/v2/c/d/blobs/uploads/?mount={layer}&from=BAD"), &[], b""));
    let blob = format!("/v2/a/b/blobs/{layer}");
    for (what, method, headers) in [
        ("blob", "GET", vec![]),
        ("blob's head", "HEAD", vec![]),
        ("part", "GET", vec![("Range", "bytes=2-4")]),
        ("end", "GET", vec![("Range", "bytes=-3")]),
        ("known", "GET", vec![]),
    ] {
        let etag = format!("\"{layer}\"");
        let headers = if what == "known" { vec![("If-None-Match", etag.as_str())] } else { headers };
        say(what, registry.send(method, &blob, &headers, b""));
    }
    say("of another repository", registry.get(&format!("/v2/other/blobs/{layer}")));
    // Manifests.
    let (docker, oci) = (manifest(IMAGE, CONFIG, &[LAYER]), manifest(OCI, CONFIG, &[LAYER]));
    say("put", registry.put_manifest("a/b", "v1", IMAGE, &docker));
    say("put oci", registry.put_manifest("a/b", "v2", OCI, &oci));
    say("other type", registry.put_manifest("a/b", "v3", IMAGE, &oci));
    say("text", registry.put_manifest("a/b", "v3", "text/plain", &docker));
    for bad in ["{", "{}", "[]", "null"] {
        say(bad, registry.put_manifest("a/b", "v3", IMAGE, bad.as_bytes()));
    }
    say("lacks", registry.put_manifest("a/b", "v3", IMAGE, &manifest(IMAGE, b"no config", &[b"no layer"])));
    say("wrong digest", registry.put_manifest("a/b", &nothing, IMAGE, &docker));
    say("by digest", registry.put_manifest("a/b", &digest(&docker), IMAGE, &docker));
    say("bad tag", registry.put_manifest("a/b", "-bad", IMAGE, &docker));
    say("long tag", registry.put_manifest("a/b", &"t".repeat(129), IMAGE, &docker));
    say("list", registry.put_manifest("a/b", "v4", LIST, &list(LIST, IMAGE, &docker)));
    say("index", registry.put_manifest("a/b", "v5", INDEX, &list(INDEX, OCI, &oci)));
    say("index lacks", registry.put_manifest("a/b", "v6", INDEX, &list(INDEX, OCI, b"no such")));
    for tag in ["v1", "v2", "v4", "v5", "none"] {
        for accept in
            [IMAGE.to_owned(), format!("{OCI}, {IMAGE}"), format!("{LIST},{INDEX};q=0.9,{OCI},{IMAGE}"), INDEX.to_owned(), OCI.to_owned()]
        {
            // Without Docker's own, the reference registry falls back to a form that it has given up since.
            if accept.contains(IMAGE) || matches!(tag, "v2" | "v5" | "none") {
                let target = format!("/v2/a/b/manifests/{tag}");
                say(&format!("{tag} as {accept}"), registry.send("GET", &target, &[("Accept", &accept)], b""));
            }
        }
    }
    let by_digest = format!("/v2/a/b/manifests/{}", digest(&docker));
    let etag = format!("\"{}\"", digest(&docker));
    say("by digest", registry.send("GET", &by_digest, &[("Accept", IMAGE)], b""));
    say("its head", registry.send("HEAD", &by_digest, &[("Accept", IMAGE)], b""));
    let known = registry.send("GET", &by_digest, &[("Accept", IMAGE), ("If-None-Match", &etag)], b"");
    assert_eq!(known.status, 304);
    say("missing", registry.get(&format!("/v2/a/b/manifests/{nothing}")));
    // Lists.
    for target in
        ["/v2/_catalog", "/v2/_catalog?n=1", "/v2/_catalog?n=1&last=a/b", "/v2/_catalog?n=x", "/v2/_catalog?n=0", "/v2/_catalog?n=5000"]
    {
        say(target, registry.get(target));
    }
    for (method, target) in [("POST", "/v2/a/b/manifests/v1"), ("PATCH", "/v2/a/b/tags/list"), ("PUT", "/v2/_catalog"), ("OPTIONS", "/v2/")]
    {
        say(&format!("{method} {target}"), registry.send(method, target, &[], b""));
    }
    // And gone.
    say("delete", registry.send("DELETE", &format!("/v2/a/b/manifests/{}", digest(&oci)), &[], b""));
    say("delete again", registry.send("DELETE", &format!("/v2/a/b/manifests/{}", digest(&oci)), &[], b""));
    say("untagged", registry.send("GET", "/v2/a/b/manifests/v2", &[("Accept", OCI)], b""));
    say("delete blob", registry.send("DELETE", &blob, &[], b""));
    say("delete blob again", registry.send("DELETE", &blob, &[], b""));
    say("blob is gone", registry.get(&blob));
    told
}

#[test]
fn it_answers_as_the_reference_registry() {
    if !has("docker-registry") {
        return;
    }
    let (one, other) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    let ours = conversation(&Registry::ours(one.path(), ""));
    let theirs = conversation(&Registry::start("docker-registry".into(), other.path(), ""));
    assert_eq!(ours.len(), theirs.len());
    let differ: Vec<String> = ours
        .iter()
        .zip(&theirs)
        .filter(|(ours, theirs)| ours != theirs)
        .map(|((what, ours), (_, theirs))| format!("== {what}\n-- reference\n{theirs}\n-- ours\n{ours}\n"))
        .collect();
    assert!(differ.is_empty(), "{} of {} answers differ:\n{}", differ.len(), ours.len(), differ.concat());
}

#[test]
fn either_takes_over_the_others_volume() {
    if !has("docker-registry") {
        return;
    }
    let content = manifest(IMAGE, CONFIG, &[LAYER]);
    let read = |registry: &Registry| {
        let tags = registry.get("/v2/a/b/tags/list").text();
        let manifest = registry.send("GET", "/v2/a/b/manifests/v1", &[("Accept", IMAGE)], b"");
        let blob = registry.get(&format!("/v2/a/b/blobs/{}", digest(LAYER)));
        (tags.trim().to_owned(), manifest.text(), blob.text(), registry.get("/v2/_catalog").text())
    };
    for ours_first in [true, false] {
        let folder = tempfile::tempdir().expect("a folder");
        let start = |ours: bool| {
            if ours { Registry::ours(folder.path(), "") } else { Registry::start("docker-registry".into(), folder.path(), "") }
        };
        let first = start(ours_first);
        assert_eq!((first.put_blob("a/b", LAYER).status, first.put_blob("a/b", CONFIG).status), (201, 201));
        assert_eq!(first.put_manifest("a/b", "v1", IMAGE, &content).status, 201);
        let before = read(&first);
        drop(first);
        let second = start(!ours_first);
        assert_eq!(read(&second), before, "ours first: {ours_first}");
        assert_eq!(before.2.as_bytes(), LAYER);
        assert_eq!(second.send("DELETE", &format!("/v2/a/b/manifests/{}", digest(&content)), &[], b"").status, 202);
        drop(second);
        // What nobody names any more goes, whoever looks.
        let collector = if ours_first { PathBuf::from("docker-registry") } else { folder.path().join("registry") };
        let run = Command::new(collector).args(["garbage-collect", "config.yml"]).current_dir(folder.path()).output().expect("a run");
        assert!(run.status.success(), "{run:?}");
        let told = String::from_utf8_lossy(&run.stdout).into_owned();
        assert!(told.contains(&format!("blob eligible for deletion: {}", digest(LAYER))), "{told}");
        let third = start(ours_first);
        let mut blob = folder.path().join("storage/docker/registry/v2/blobs/sha256");
        blob.extend([&digest(LAYER)[7..9], &digest(LAYER)[7..], "data"]);
        assert!(!blob.exists(), "{}", blob.display());
        assert_eq!(third.get("/v2/").status, 200);
    }
}

#[test]
fn content_that_a_manifest_names_is_not_collected() {
    let folder = tempfile::tempdir().expect("a folder");
    let registry = Registry::ours(folder.path(), "");
    let image = manifest(OCI, CONFIG, &[LAYER]);
    let old = manifest(OCI, CONFIG, &[]);
    for blob in [LAYER, CONFIG, b"nobody's"] {
        assert_eq!(registry.put_blob("a", blob).status, 201);
    }
    assert_eq!(registry.put_manifest("a", &digest(&image), OCI, &image).status, 201);
    assert_eq!(registry.put_manifest("a", "all", INDEX, &list(INDEX, OCI, &image)).status, 201);
    assert_eq!(registry.put_manifest("a", "old", OCI, &old).status, 201);
    assert_eq!(registry.send("DELETE", "/v2/a/manifests/old", &[], b"").status, 202);
    drop(registry);
    let collect = |flags: &[&str]| {
        let run = Command::new(folder.path().join("registry"))
            .arg("garbage-collect")
            .args(flags)
            .arg("config.yml")
            .current_dir(folder.path())
            .output();
        String::from_utf8(run.expect("a run").stdout).expect("text")
    };
    // A file that is nobody's is in nobody's way.
    std::fs::write(folder.path().join("storage/docker/registry/v2/blobs/sha256/stray"), "x").expect("a file");
    let dry = collect(&["-d", "-m"]);
    assert!(dry.contains("4 blobs marked, 2 blobs and 1 manifests eligible for deletion"), "{dry}");
    assert!(collect(&[]).contains("5 blobs marked, 1 blobs and 0 manifests eligible"), "a dry run deletes nothing");
    assert!(collect(&["--delete-untagged"]).contains(&format!("manifest eligible for deletion: {}", digest(&old))));
    let registry = Registry::ours(folder.path(), "");
    assert_eq!(registry.send("GET", &format!("/v2/a/manifests/{}", digest(&old)), &[("Accept", OCI)], b"").status, 404);
    assert_eq!(registry.send("GET", &format!("/v2/a/manifests/{}", digest(&image)), &[("Accept", OCI)], b"").body, image);
    assert_eq!(registry.get(&format!("/v2/a/blobs/{}", digest(LAYER))).body, LAYER);
    assert_eq!(registry.get("/v2/a/tags/list").text(), "{\"name\":\"a\",\"tags\":[\"all\"]}\n");
    assert!(collect(&[]).contains(", 0 blobs and 0 manifests"));
}

#[test]
fn what_the_specification_has_beyond_the_reference() {
    let folder = tempfile::tempdir().expect("a folder");
    let registry = Registry::ours(folder.path(), "");
    let whole = registry.send("POST", &format!("/v2/a/blobs/uploads/?digest={}", digest(LAYER)), &[], LAYER);
    assert_eq!((whole.status, whole.place()), (201, format!("/v2/a/blobs/{}", digest(LAYER))));
    let place = registry.send("POST", "/v2/a/blobs/uploads/", &[], b"").place();
    let early = registry.send("PATCH", &place, &[("Content-Range", "3-5")], b"abc");
    assert_eq!((early.status, early.codes()[0].as_str()), (416, "\"RANGE_INVALID\": \"invalid content range\""));
    assert_eq!(registry.put_blob("a", CONFIG).status, 201);
    let content = manifest(OCI, CONFIG, &[]);
    for tag in ["a", "b", "c", "d"] {
        assert_eq!(registry.put_manifest("a", tag, OCI, &content).status, 201);
    }
    let page = registry.get("/v2/a/tags/list?n=2&last=a");
    assert_eq!(
        (page.text().trim(), page.header("link")),
        ("{\"name\":\"a\",\"tags\":[\"b\",\"c\"]}", "</v2/a/tags/list?last=c&n=2>; rel=\"next\"")
    );
    assert_eq!(registry.get("/v2/a/tags/list?n=2&last=c").header("link"), "");
    assert_eq!(registry.send("DELETE", "/v2/a/manifests/b", &[], b"").status, 202);
    assert_eq!(registry.get("/v2/a/tags/list").text().trim(), "{\"name\":\"a\",\"tags\":[\"a\",\"c\",\"d\"]}");
    let long = format!("/v2/{}/tags/list", "x".repeat(256));
    assert_eq!((registry.get(&long).status, registry.get(&long).codes().len()), (400, 1));
    let big = registry.put_manifest("a", "big", OCI, &vec![b' '; 5 << 20]);
    assert_eq!((big.status, big.codes()[0].as_str()), (400, "\"MANIFEST_INVALID\": \"manifest invalid\""));
}

#[test]
fn an_upload_goes_on_after_the_registry_was_killed() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut registry = Registry::ours(folder.path(), "");
    let content: Vec<u8> = (0..3_000_000_u32).flat_map(u32::to_le_bytes).collect();
    let place = registry.send("POST", "/v2/a/blobs/uploads/", &[], b"").place();
    assert_eq!(registry.send("PATCH", &place, &[], &content[..5_000_000]).header("range"), "0-4999999");
    // A piece that breaks off in the middle.
    let mut stream = TcpStream::connect(&registry.host).expect("a connection");
    let head = format!("PATCH {place} HTTP/1.1\r\nHost: x\r\nContent-Length: 7000000\r\n\r\n");
    stream.write_all(head.as_bytes()).expect("a connection");
    stream.write_all(&content[5_000_000..6_000_000]).expect("a connection");
    std::thread::sleep(Duration::from_millis(100));
    registry.restart();
    let came = registry.get(&place);
    let end: usize = came.header("range").strip_prefix("0-").and_then(|end| end.parse().ok()).expect("a range");
    assert!((4_999_999..6_000_000).contains(&end), "{came:?}");
    let done = registry.send("PUT", &with(&place, &format!("digest={}", digest(&content))), &[], &content[end + 1..]);
    assert_eq!(done.status, 201, "{}", done.text());
    assert_eq!(registry.get(&format!("/v2/a/blobs/{}", digest(&content))).body, content);
}

#[test]
fn nonsense_is_refused_and_does_no_harm() {
    let folder = tempfile::tempdir().expect("a folder");
    let registry = Registry::ours(folder.path(), "");
    let mut seed = 7_u64;
    for round in 0..300 {
        let mut stream = TcpStream::connect(&registry.host).expect("a connection");
        let mut bytes: Vec<u8> = (0..200)
            .map(|_| {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                (seed >> 33) as u8
            })
            .collect();
        if round % 2 == 0 {
            bytes.splice(0..0, b"PUT /v2/a/manifests/x HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n".iter().copied());
        }
        let _ = stream.write_all(&bytes);
    }
    for target in ["/v2/../../etc/passwd/tags/list", "/v2/a/blobs/uploads/..%2f..%2fx", "/v2/a/manifests/%2e%2e", "/v2/%00/tags/list"] {
        for method in ["GET", "PUT", "DELETE", "PATCH"] {
            let status = registry.send(method, target, &[], b"x").status;
            assert!((400..500).contains(&status), "{method} {target}: {status}");
        }
    }
    // Deep, and with digests that are none.
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    assert_eq!(registry.put_manifest("a", "x", OCI, deep.as_bytes()).status, 400);
    let odd = br#"{"schemaVersion":2,"config":{"digest":"../../x"},"layers":[{"digest":7},{"digest":"sha256:../../etc/passwd"}]}"#;
    assert_eq!(registry.put_manifest("a", "x", OCI, odd).status, 400);
    assert_eq!(registry.put_blob("a", b"still there").status, 201);
    // An upload in one piece that breaks off leaves nothing: nobody knows how to go on with it.
    let mut stream = TcpStream::connect(&registry.host).expect("a connection");
    let target = format!("/v2/a/blobs/uploads/?digest={}", digest(b"whole"));
    stream.write_all(format!("POST {target} HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nwhol").as_bytes()).expect("a connection");
    let uploads = folder.path().join("storage/docker/registry/v2/repositories/a/_uploads");
    let count = || std::fs::read_dir(&uploads).map_or(0, Iterator::count);
    let wait = |wanted: usize| {
        let begin = Instant::now();
        while count() != wanted && begin.elapsed() < Duration::from_secs(10) {
            std::thread::sleep(Duration::from_millis(20));
        }
        count()
    };
    assert_eq!(wait(1), 1);
    drop(stream);
    assert_eq!(wait(0), 0);
    // Two at one port: the second says so as the reference registry does.
    let second = Command::new(&registry.program).args(["serve", "config.yml"]).current_dir(folder.path()).output().expect("a run");
    let told = String::from_utf8_lossy(&second.stderr).into_owned();
    assert_eq!(told.lines().last(), Some(format!("listen tcp {}: bind: address already in use", registry.host).as_str()), "{told}");
}

#[test]
fn many_push_the_same_at_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let registry = Registry::ours(folder.path(), "");
    let content: Vec<u8> = (0..400_000_u32).flat_map(u32::to_le_bytes).collect();
    std::thread::scope(|scope| {
        for number in 0..16 {
            let (registry, content) = (&registry, &content);
            scope.spawn(move || {
                let name = format!("r{}", number % 3);
                assert_eq!(registry.put_blob(&name, content).status, 201);
                assert_eq!(registry.put_blob(&name, CONFIG).status, 201);
                assert_eq!(registry.put_manifest(&name, "t", OCI, &manifest(OCI, CONFIG, &[content])).status, 201);
            });
        }
    });
    for name in ["r0", "r1", "r2"] {
        assert_eq!(registry.get(&format!("/v2/{name}/blobs/{}", digest(&content))).body, content);
    }
    assert_eq!(registry.get("/v2/_catalog").text().trim(), r#"{"repositories":["r0","r1","r2"]}"#);
}

#[test]
fn settings_decide_who_may_do_what() {
    let folder = tempfile::tempdir().expect("a folder");
    // student:secret
    std::fs::write(folder.path().join("users"), "student:$2b$05$jzedbsaT81RBnepR92unNOzdD/4fClii.oKdNbYSgM.4q4Quukfte\n").expect("a file");
    let users = folder.path().join("users");
    let more = format!(
        "  relativeurls: true\n  prefix: /reg\n  headers:\n    X-Content-Type-Options: [nosniff]\nauth:\n  htpasswd:\n    realm: A Lab\n    path: {}\n",
        users.display()
    );
    let registry = Registry::ours(folder.path(), &more);
    let asked = registry.get("/reg/v2/");
    assert_eq!(
        (asked.status, asked.header("www-authenticate"), asked.header("x-content-type-options")),
        (401, "Basic realm=\"A Lab\"", "nosniff")
    );
    assert_eq!(registry.get("/v2/").status, 404, "the prefix belongs to it");
    let wrong = [("Authorization", "Basic c3R1ZGVudDp3cm9uZw==")];
    assert_eq!(registry.send("GET", "/reg/v2/", &wrong, b"").status, 401);
    let right = [("Authorization", "Basic c3R1ZGVudDpzZWNyZXQ=")];
    assert_eq!(registry.send("GET", "/reg/v2/", &right, b"").status, 200);
    let begun = registry.send("POST", "/reg/v2/a/blobs/uploads/", &right, b"");
    assert!(begun.header("location").starts_with("/reg/v2/a/blobs/uploads/"), "{begun:?}");
    // Whoever has been taken out of the file is known no more.
    std::fs::write(&users, "").expect("a file");
    assert_eq!(registry.send("GET", "/reg/v2/", &right, b"").status, 401);
    drop(registry);

    let registry = Registry::ours(folder.path(), "");
    assert_eq!(registry.put_blob("a", LAYER).status, 201);
    drop(registry);
    let settings = std::fs::read_to_string(folder.path().join("config.yml")).expect("a file");
    let start = |settings: &str, variables: &[(&str, &str)]| {
        std::fs::write(folder.path().join("other.yml"), settings).expect("a file");
        let mut command = Command::new(folder.path().join("registry"));
        let run = command.args(["serve", "other.yml"]).current_dir(folder.path()).envs(variables.iter().copied()).output().expect("a run");
        (run.status.code(), String::from_utf8(run.stderr).expect("text"))
    };
    for (settings, variable, wanted) in [
        (settings.as_str(), ("REGISTRY_AUTH", "token"), "no access controller registered with name: token"),
        (settings.as_str(), ("REGISTRY_PROXY_REMOTEURL", "https://registry-1.docker.io"), "proxy: this registry keeps what is pushed"),
        (settings.as_str(), ("REGISTRY_HTTP_TLS_CERTIFICATE", "/x"), "certificate and key go together"),
        ("version: 0.1\nstorage: [", ("A", "b"), "configuration error: error parsing other.yml: "),
        (&settings.replace("addr: 127.0.0.1:", "addr: 127.0.0.1:9"), ("A", "b"), "listen tcp 127.0.0.1:9"),
        (&settings.replace("rootdirectory: /", "rootdirectory: /dev/null/"), ("A", "b"), "Not a directory"),
    ] {
        let (status, told) = start(settings, &[variable]);
        assert_eq!(status, Some(1), "{told}");
        assert!(told.contains(wanted), "{wanted}: {told}");
    }
}

#[test]
fn images_go_through_it_in_containers() {
    for user in [User::Root, User::Ordinary] {
        let Some(engine) = Engine::with_busybox(user) else { continue };
        for tag in ["2", "3"] {
            engine.ok(&format!("docker run -d --name reg -p 127.0.0.1:0:5000 -v reg{tag}:/var/lib/registry registry:{tag}"));
            let address = engine.ok("docker port reg 5000");
            let address = address.lines().next().expect("an address").trim().to_owned();
            engine.ok(&format!("for i in $(seq 50); do wget -qO- http://{address}/v2/ > /dev/null 2>&1 && break; sleep 0.1; done"));
            engine.ok(&format!(
                "docker tag busybox {address}/class/box:{tag} && docker push -q {address}/class/box:{tag} && docker rmi {address}/class/box:{tag}"
            ));
            assert_eq!(engine.ok(&format!("docker run --rm {address}/class/box:{tag} echo from the registry")).trim(), "from the registry");
            // The volume is the registry.
            engine.ok("docker stop -t 5 reg");
            assert_eq!(engine.ok("docker inspect -f '{{.State.ExitCode}}' reg").trim(), "2", "as a Go program ends of a signal");
            engine.ok(&format!("docker rm reg && docker rmi {address}/class/box:{tag}"));
            engine.ok(&format!("docker run -d --name reg -p {address}:5000 -v reg{tag}:/var/lib/registry registry:{tag}"));
            engine.ok(&format!("for i in $(seq 50); do wget -qO- http://{address}/v2/ > /dev/null 2>&1 && break; sleep 0.1; done"));
            engine.ok(&format!("docker pull -q {address}/class/box:{tag}"));
            assert_eq!(
                engine.ok("docker exec reg wget -qO- http://localhost:5000/v2/_catalog").trim(),
                r#"{"repositories":["class/box"]}"#
            );
            engine.ok("docker exec reg registry garbage-collect -d $(docker inspect -f '{{index .Config.Cmd 0}}' reg)");
            engine.ok("docker rm -f reg");
        }
        // With a login.
        engine.ok("mkdir -p auth && printf 'student:$2b$05$jzedbsaT81RBnepR92unNOzdD/4fClii.oKdNbYSgM.4q4Quukfte\\n' > auth/htpasswd");
        engine.ok(
            "docker run -d --name reg -p 127.0.0.1:0:5000 -v $PWD/auth:/auth -e REGISTRY_AUTH=htpasswd -e REGISTRY_AUTH_HTPASSWD_REALM=Lab \
             -e REGISTRY_AUTH_HTPASSWD_PATH=/auth/htpasswd registry:2",
        );
        let address = engine.ok("docker port reg 5000").lines().next().expect("an address").trim().to_owned();
        engine.ok(&format!("for i in $(seq 50); do wget -qO- http://{address}/ > /dev/null 2>&1 && break; sleep 0.1; done"));
        engine.ok(&format!("docker tag busybox {address}/box"));
        let refused = engine.sh(&format!("docker push {address}/box"));
        assert!(refused.status == 1 && refused.stderr.contains("no basic auth credentials"), "{refused:?}");
        let wrong = engine.sh(&format!("docker login -u student -p wrong {address}"));
        assert!(wrong.status == 1 && wrong.stderr.contains("401 Unauthorized"), "{wrong:?}");
        engine.ok(&format!("echo secret | docker login -u student --password-stdin {address} && docker push -q {address}/box"));
    }
}

#[test]
fn skopeo_copies_through_it() {
    if !has("skopeo") {
        return;
    }
    let Some(engine) = Engine::with_busybox(User::Root).or_else(|| Engine::with_busybox(User::Ordinary)) else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let registry = Registry::ours(folder.path(), "");
    engine.ok(&format!("docker save -o {}/box.tar busybox", folder.path().display()));
    let sh = |line: &str| {
        let run = Command::new("sh").args(["-ec", line]).current_dir(folder.path()).env("HOME", folder.path()).output().expect("a shell");
        assert!(run.status.success(), "{line}: {}", String::from_utf8_lossy(&run.stderr));
        String::from_utf8(run.stdout).expect("text")
    };
    let copy = "skopeo --insecure-policy copy -q --src-tls-verify=false --dest-tls-verify=false";
    let host = &registry.host;
    sh(&format!("{copy} docker-archive:box.tar docker://{host}/a/box:docker"));
    sh(&format!("{copy} --format oci docker://{host}/a/box:docker docker://{host}/b/box:oci"));
    sh(&format!("{copy} docker://{host}/b/box:oci oci:out:oci && {copy} oci:out:oci docker://{host}/c/box:again"));
    let told = |name: &str| {
        let told: serde_json::Value =
            serde_json::from_str(&sh(&format!("skopeo inspect --tls-verify=false docker://{host}/{name}"))).expect("JSON");
        (told["Digest"].clone(), told["RepoTags"].clone(), told["Architecture"].clone())
    };
    assert_eq!(told("b/box:oci").0, told("c/box:again").0);
    assert_eq!(told("a/box:docker").1, serde_json::json!(["docker"]));
    sh(&format!("skopeo delete --tls-verify=false docker://{host}/c/box:again"));
    assert_eq!(registry.get("/v2/c/box/tags/list").text().trim(), r#"{"name":"c/box","tags":[]}"#);
}

#[test]
fn it_speaks_tls_with_its_certificate() {
    if !has("openssl") || !has("curl") {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let line = "openssl req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out cert.pem -days 2 -subj /CN=localhost \
                -addext subjectAltName=DNS:localhost,IP:127.0.0.1 2>/dev/null";
    assert!(Command::new("sh").args(["-ec", line]).current_dir(folder.path()).status().expect("a shell").success());
    let more = format!("  tls:\n    certificate: {0}/cert.pem\n    key: {0}/key.pem\n", folder.path().display());
    let registry = Registry::ours(folder.path(), &more);
    let port = registry.host.rsplit(':').next().expect("a port");
    let curl = |flags: &str, url: &str| {
        let line = format!("curl -s {flags} {url}");
        let run = Command::new("sh").args(["-c", &line]).current_dir(folder.path()).output().expect("a shell");
        (run.status.code(), String::from_utf8(run.stdout).expect("text"))
    };
    assert_eq!(curl("--cacert cert.pem", &format!("https://localhost:{port}/v2/")), (Some(0), "{}".to_owned()));
    assert_eq!(curl("", &format!("https://localhost:{port}/v2/")).0, Some(60), "a certificate that nobody vouches for");
    let (_, begun) = curl("--cacert cert.pem -i -X POST", &format!("https://localhost:{port}/v2/a/blobs/uploads/"));
    assert!(begun.to_lowercase().contains(&format!("location: https://localhost:{port}/v2/a/blobs/uploads/")), "{begun}");
    assert_ne!(curl("", &format!("http://localhost:{port}/v2/")).0, Some(0));
}
