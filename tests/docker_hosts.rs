//! Our docker client with an engine behind TLS, which asks for certificates: by flags, by variables and by a context. Where the machine has
//! Docker's own client, both have to say the same. Skipped where there is no `openssl` to make the certificates.

#[path = "engine/support.rs"]
mod support;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use support::{Engine, User};
use tokio::net::{TcpListener, UnixStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig};

/// Authorities, and who they vouch for.
const CERTIFICATES: &str = r#"
set -e
authority() { openssl req -x509 -newkey rsa:2048 -nodes -keyout "$1.key" -out "$1.pem" -days 2 -subj "/CN=$1"; }
vouch() {
    openssl req -newkey rsa:2048 -nodes -keyout "$1-key.pem" -out "$1.csr" -subj "/CN=$1"
    echo "$3" > "$1.ext"
    openssl x509 -req -in "$1.csr" -CA "$2.pem" -CAkey "$2.key" -CAcreateserial -out "$1.pem" -days 2 -extfile "$1.ext"
}
authority ca; authority other
vouch server ca subjectAltName=DNS:localhost,IP:127.0.0.1
vouch elsewhere ca subjectAltName=DNS:elsewhere
vouch client ca extendedKeyUsage=clientAuth
vouch stranger other extendedKeyUsage=clientAuth
mkdir keys; cp ca.pem keys/; cp client.pem keys/cert.pem; cp client-key.pem keys/key.pem
chmod -R a+rX .
"#;

/// A server of TLS in front of the engine's socket, which lets in whom `ca.pem` vouches for; gives its port.
fn front(folder: &Path, certificate: &str, socket: PathBuf) -> u16 {
    let read = |name: String| std::fs::read(folder.join(name)).expect("a file");
    let provider = Arc::new(ring::default_provider());
    let mut known = RootCertStore::empty();
    known.add_parsable_certificates(CertificateDer::pem_slice_iter(&read("ca.pem".to_owned())).flatten());
    let asks = WebPkiClientVerifier::builder_with_provider(Arc::new(known), Arc::clone(&provider)).build().expect("an authority");
    let chain = CertificateDer::pem_slice_iter(&read(format!("{certificate}.pem"))).map(|c| c.expect("a certificate")).collect();
    let key = PrivateKeyDer::from_pem_slice(&read(format!("{certificate}-key.pem"))).expect("a key");
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_client_cert_verifier(asks)
        .with_single_cert(chain, key)
        .expect("a certificate");
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.set_nonblocking(true).expect("a listener");
    let port = listener.local_addr().expect("an address").port();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async move {
            let acceptor = TlsAcceptor::from(Arc::new(config));
            let listener = TcpListener::from_std(listener).expect("a listener");
            while let Ok((stream, _)) = listener.accept().await {
                let (acceptor, socket) = (acceptor.clone(), socket.clone());
                tokio::spawn(async move {
                    let Ok(mut safe) = acceptor.accept(stream).await else { return };
                    let Ok(mut engine) = UnixStream::connect(socket).await else { return };
                    let _ = tokio::io::copy_bidirectional(&mut safe, &mut engine).await;
                });
            }
        });
    });
    port
}

/// `$T` has the certificates, `$FRONT` and `$ELSEWHERE` are two servers of which the second is called otherwise. Go sends no certificate that
/// the server would not know, so that the server says otherwise why it refuses a stranger.
const LINES: &str = r#"
docker --tlsverify $KEYS -H $FRONT version -f '{{.Server.Version}}'
docker --tls $KEYS -H $FRONT ps -q
docker --tlsverify $KEYS -H tcp://127.0.0.1:${FRONT##*:} ps -q
docker --tlsverify --tlscacert $T/ca.pem -H $FRONT ps -q
docker --tlsverify --tlscacert $T/ca.pem --tlscert $T/stranger.pem --tlskey $T/stranger-key.pem -H $FRONT ps -q 2>/dev/null
docker --tlsverify $KEYS --tlscacert $T/other.pem -H $FRONT ps -q
docker --tlsverify $KEYS -H $ELSEWHERE ps -q
docker --tlsverify $KEYS -H tcp://127.0.0.1:${ELSEWHERE##*:} ps -q
docker --tls $KEYS -H $ELSEWHERE ps -q
docker --tlsverify --tlscacert $T/ca.pem --tlscert $T/client.pem --tlskey $T/stranger-key.pem -H $FRONT ps -q
docker --tlsverify --tlscacert $T/client.csr -H $FRONT ps -q
DOCKER_TLS_VERIFY=1 DOCKER_CERT_PATH=$T/keys DOCKER_HOST=$FRONT docker ps -q
DOCKER_TLS_VERIFY=1 DOCKER_CERT_PATH=/nope DOCKER_HOST=$FRONT docker ps -q
export DOCKER_TLS_VERIFY=1 DOCKER_CERT_PATH=$T/keys DOCKER_HOST=$FRONT; echo piped | docker run --rm -i busybox cat
export DOCKER_TLS_VERIFY=1 DOCKER_CERT_PATH=$T/keys DOCKER_HOST=$FRONT; docker exec one sh -c 'echo in; echo err >&2; exit 4'; echo x | docker exec -i one sh -c 'read a; echo got $a; exit 3'
export DOCKER_TLS_VERIFY=1 DOCKER_CERT_PATH=$T/keys DOCKER_HOST=$FRONT; docker logs one; docker cp one:/etc/hostname - | wc -c
docker context create far --docker host=$FRONT,ca=$T/ca.pem,cert=$T/client.pem,key=$T/client-key.pem; docker -c far version -f '{{.Server.Os}}'; docker -c far exec one echo there; docker context rm far
docker context create skip --docker host=$ELSEWHERE,cert=$T/client.pem,key=$T/client-key.pem,skip-tls-verify=true; docker -c skip ps -q; docker context rm skip
docker context create nokey --docker host=$FRONT,ca=$T/ca.pem,cert=$T/client.pem; docker context create odd --docker host=$FRONT,ca=$T/ca.pem,cert=$T/client.pem,key=$T/stranger-key.pem; docker context rm nokey
"#;

fn walk(user: User) {
    let Some(engine) = Engine::with_busybox(user) else { return };
    let folder = engine.home().join("tls");
    std::fs::create_dir(&folder).expect("a folder");
    let made = Command::new("bash").arg("-c").arg(CERTIFICATES).current_dir(&folder).output();
    if !made.as_ref().is_ok_and(|made| made.status.success()) {
        eprintln!("skipped: openssl makes no certificates: {made:?}");
        return;
    }
    let fronts = ["server", "elsewhere"].map(|name| front(&folder, name, engine.home().join("s")));
    engine.ok("docker run -d --name one busybox sh -c 'echo up; sleep 1000'");
    let ours = engine.dir.path().join("ours");
    std::fs::create_dir(&ours).expect("a folder");
    std::os::unix::fs::symlink(engine.dir.path().join("dockside"), ours.join("docker")).expect("a link");
    let variables = format!(
        "unset DOCKER_HOST; T={0}; KEYS='--tlscacert {0}/ca.pem --tlscert {0}/client.pem --tlskey {0}/client-key.pem'; \
         FRONT=tcp://localhost:{1}; ELSEWHERE=tcp://localhost:{2}; ",
        folder.display(),
        fronts[0],
        fronts[1],
    );
    let run = |commands: Option<&Path>, line: &str| {
        let run = engine.sh_with(commands, &format!("{variables}{line}"));
        (run.status, run.stdout, run.stderr)
    };
    let mut wrong = Vec::new();
    for line in LINES.lines().filter(|line| !line.is_empty()) {
        let (theirs, ours) = (run(None, line), run(Some(&ours), line));
        // Go tells the ports of a connection that breaks.
        if theirs != ours && !theirs.2.contains("connection reset") {
            wrong.push(format!("$ {line}\nDocker's: {theirs:?}\nours:     {ours:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    // Both could have failed in the same way.
    for (line, wanted) in [
        ("docker --tlsverify $KEYS -H $FRONT exec one echo there", "there\n"),
        ("export DOCKER_TLS_VERIFY=1 DOCKER_CERT_PATH=$T/keys DOCKER_HOST=$FRONT; echo piped | docker run --rm -i busybox cat", "piped\n"),
    ] {
        assert_eq!(run(Some(&ours), line), (0, wanted.to_owned(), String::new()), "{line}");
    }
}

#[test]
fn behind_tls_as_root() {
    walk(User::Root);
}

#[test]
fn behind_tls_as_an_ordinary_user() {
    walk(User::Ordinary);
}
