//! TLS from the asking side, for the engine that goes to registries and for the client that goes to engines: whom to trust, who one is,
//! and errors in the words that Go has for them.

use std::path::PathBuf;
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use tokio_rustls::rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use tokio_rustls::rustls::{AlertDescription, CertificateError, DigitallySignedStruct, Error, InconsistentKeys, SignatureScheme};
pub use tokio_rustls::rustls::{ClientConfig, RootCertStore};

/// Where distributions keep the authorities that they trust, all in one file.
const BUNDLES: [&str; 4] =
    ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem", "/etc/ssl/cert.pem"];

/// The file with the machine's authorities, if it has one.
pub fn bundle() -> Option<PathBuf> {
    let named = std::env::var_os("SSL_CERT_FILE").map(PathBuf::from);
    named.or_else(|| BUNDLES.iter().map(PathBuf::from).find(|p| p.is_file()))
}

/// Takes the certificates of a PEM file as authorities; gives their number.
pub fn add_authorities(store: &mut RootCertStore, pem: &[u8]) -> usize {
    // One that cannot be read vouches for nobody; the others do.
    store.add_parsable_certificates(CertificateDer::pem_slice_iter(pem).flatten()).0
}

/// Who one is: a certificate with its chain, and its key, as PEM.
pub struct Identity<'a> {
    pub certificate: &'a [u8],
    pub key: &'a [u8],
}

/// How to speak to those whom `authorities` vouch for; `None` trusts everyone.
pub fn trusting(authorities: Option<RootCertStore>, identity: Option<Identity<'_>>) -> Result<Arc<ClientConfig>, String> {
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions();
    let builder = builder.map_err(|e| format!("tls: {e}"))?;
    let builder = match authorities {
        None => builder.dangerous().with_custom_certificate_verifier(Arc::new(Anyone(provider))),
        Some(store) => builder.with_root_certificates(store),
    };
    let Some(identity) = identity else { return Ok(Arc::new(builder.with_no_client_auth())) };
    let chain: Vec<_> = CertificateDer::pem_slice_iter(identity.certificate).flatten().collect();
    if chain.is_empty() {
        return Err("tls: failed to find any PEM data in certificate input".to_owned());
    }
    let key = PrivateKeyDer::from_pem_slice(identity.key).map_err(|_| "tls: failed to find any PEM data in key input".to_owned())?;
    builder.with_client_auth_cert(chain, key).map(Arc::new).map_err(|e| match e {
        Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => "tls: private key does not match public key".to_owned(),
        other => format!("tls: {other}"),
    })
}

/// Makes a connection to `host[:port]` a safe one.
pub async fn connect<S: AsyncRead + AsyncWrite + Unpin>(config: Arc<ClientConfig>, host: &str, stream: S) -> Result<TlsStream<S>, String> {
    let name =
        ServerName::try_from(name_of(host).to_owned()).map_err(|_| format!("tls: {host} is no name that a certificate could have"))?;
    TlsConnector::from(config).connect(name, stream).await.map_err(|e| {
        let inner = e.get_ref().and_then(|inner| inner.downcast_ref::<Error>());
        inner.map_or_else(|| format!("tls: {e}"), |error| words(error, host))
    })
}

/// The host without its port, and an IPv6 address without its brackets.
fn name_of(host: &str) -> &str {
    let port = host.rsplit_once(':').filter(|(_, port)| !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit()));
    let name = port.map_or(host, |(name, _)| name);
    name.strip_prefix('[').and_then(|n| n.strip_suffix(']')).unwrap_or(name)
}

/// Go's words for a certificate that does not do.
fn words(error: &Error, host: &str) -> String {
    let why = match error {
        Error::InvalidCertificate(CertificateError::UnknownIssuer) => "certificate signed by unknown authority".to_owned(),
        Error::InvalidCertificate(CertificateError::Expired | CertificateError::ExpiredContext { .. }) => {
            "certificate has expired or is not yet valid".to_owned()
        }
        Error::InvalidCertificate(CertificateError::NotValidForNameContext { presented, .. }) => not_for(name_of(host), presented),
        Error::InvalidCertificate(CertificateError::NotValidForName) => not_for(name_of(host), &[]),
        Error::InvalidCertificate(other) => format!("{other:?}"),
        Error::InvalidMessage(_) => return "http: server gave HTTP response to HTTPS client".to_owned(),
        other => return format!("tls: {other}"),
    };
    format!("tls: failed to verify certificate: x509: {why}")
}

/// Go's words for a certificate with these names, written `DnsName("a")` and `IpAddress(1.2.3.4)`, that is not for `host`.
fn not_for(host: &str, names: &[String]) -> String {
    let of = |kind: &str| {
        let names = names.iter().filter_map(|name| name.strip_prefix(kind)?.strip_prefix('(')?.strip_suffix(')'));
        names.map(|name| name.trim_matches('"')).collect::<Vec<_>>().join(", ")
    };
    let is_address = host.parse::<std::net::IpAddr>().is_ok();
    match of(if is_address { "IpAddress" } else { "DnsName" }).as_str() {
        "" if is_address => format!("cannot validate certificate for {host} because it doesn't contain any IP SANs"),
        "" => format!("certificate is not valid for any names, but wanted to match {host}"),
        names => format!("certificate is valid for {names}, not {host}"),
    }
}

/// Go's words for what the other side found wrong with us after it seemed content, if that is what an error tells.
pub fn refusal(error: &std::io::Error) -> Option<String> {
    let Error::AlertReceived(alert) = error.get_ref()?.downcast_ref::<Error>()? else { return None };
    let why = match alert {
        AlertDescription::BadCertificate => "bad certificate",
        AlertDescription::UnknownCA => "unknown certificate authority",
        AlertDescription::CertificateRequired => "certificate required",
        AlertDescription::CertificateExpired => "expired certificate",
        AlertDescription::CertificateUnknown => "unknown certificate",
        AlertDescription::AccessDenied => "access denied",
        AlertDescription::DecryptError => "error decrypting message",
        AlertDescription::HandshakeFailure => "handshake failure",
        other => return Some(format!("remote error: tls: {other:?}")),
    };
    Some(format!("remote error: tls: {why}"))
}

/// Lets everyone in: for registries on this machine, which Docker too does not ask who they are, and for engines of which the user says so.
#[derive(Debug)]
struct Anyone(Arc<CryptoProvider>);

impl ServerCertVerifier for Anyone {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        m: &[u8],
        c: &CertificateDer<'_>,
        d: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(m, c, d, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        m: &[u8],
        c: &CertificateDer<'_>,
        d: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(m, c, d, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpStream;
    use tokio_rustls::TlsAcceptor;
    use tokio_rustls::rustls::ServerConfig;

    use super::*;

    const PEM: &[u8] = include_bytes!("../../tests/engine_images/registry-test.pem");

    /// Connects to a server with the certificate above as if it were `host`.
    async fn handshake(config: Arc<ClientConfig>, host: &str) -> Result<(), String> {
        let certificates: Vec<_> = CertificateDer::pem_slice_iter(PEM).map(Result::unwrap).collect();
        let key = PrivateKeyDer::from_pem_slice(PEM).unwrap();
        let server = ServerConfig::builder_with_provider(Arc::new(ring::default_provider())).with_safe_default_protocol_versions().unwrap();
        let server = server.with_no_client_auth().with_single_cert(certificates, key).unwrap();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let serving = tokio::spawn(async move {
            let (stream, _) = listener.accept().await.unwrap();
            let _ = TlsAcceptor::from(Arc::new(server)).accept(stream).await;
        });
        let done = connect(config, host, TcpStream::connect(address).await.unwrap()).await.map(drop);
        let _ = serving.await;
        done
    }

    #[tokio::test]
    async fn who_nobody_vouches_for_is_refused_in_gos_words() {
        let mut known = RootCertStore::empty();
        assert_eq!(add_authorities(&mut known, PEM), 1);
        assert_eq!(handshake(trusting(Some(known.clone()), None).unwrap(), "registry.test:5000").await, Ok(()));
        let unknown = handshake(trusting(Some(RootCertStore::empty()), None).unwrap(), "registry.test").await;
        assert_eq!(unknown.unwrap_err(), "tls: failed to verify certificate: x509: certificate signed by unknown authority");
        let other = handshake(trusting(Some(known), None).unwrap(), "other.test").await.unwrap_err();
        assert!(other.contains("x509: certificate is valid for registry.test, not other.test"), "{other}");
        assert_eq!(handshake(trusting(None, None).unwrap(), "other.test").await, Ok(()));
    }

    #[test]
    fn a_host_is_named_without_port_and_brackets() {
        for (host, name) in [("a.b", "a.b"), ("a.b:5000", "a.b"), ("[::1]:5000", "::1"), ("[::1]", "::1")] {
            assert_eq!(name_of(host), name);
        }
    }
}
