//! What opens a private repository to a build: the client's agent of keys where git goes by SSH, its tokens where it goes by HTTP. A token
//! goes to git by its environment, which no other user of the machine can read.

use std::fs;
use std::os::fd::AsRawFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::Command;

use super::client::{Client, Forwarding};
use super::report::BuildError;
use crate::base64;

/// The agent and the secrets that are asked for, as BuildKit calls them.
const AGENT: &str = "default";
const HEADER: &str = "GIT_AUTH_HEADER";
const TOKEN: &str = "GIT_AUTH_TOKEN";

/// Whatever the client has for one repository.
#[derive(Default)]
pub struct Access {
    /// A socket at which the agent answers as long as this is held.
    agent: Option<Socket>,
    /// The server, and the header that it is sent.
    header: Option<(String, String)>,
}

impl Access {
    /// Asks the client for what it has; sockets go into `scratch`.
    pub fn of(url: &str, client: Option<&dyn Client>, scratch: &Path) -> Result<Access, BuildError> {
        let Some(client) = client else { return Ok(Access::default()) };
        match server(url) {
            Some(server) => Ok(Access { header: header(client, &server)?, ..Access::default() }),
            None => Ok(Access { agent: agent(client, scratch)?, ..Access::default() }),
        }
    }

    /// Tells git of it.
    pub fn allow(&self, command: &mut Command, scratch: &Path) {
        // Nobody is there who could confirm a server's key: that of the first answer counts.
        let known = scratch.join("known_hosts");
        let ssh = format!("ssh -F /dev/null -oBatchMode=yes -oStrictHostKeyChecking=accept-new -oUserKnownHostsFile='{}'", known.display());
        command.env("GIT_SSH_COMMAND", ssh).env_remove("SSH_AUTH_SOCK");
        if let Some(Socket { folder, .. }) = &self.agent {
            command.env("SSH_AUTH_SOCK", format!("/proc/{}/fd/{}/agent", std::process::id(), folder.as_raw_fd()));
        }
        if let Some((server, header)) = &self.header {
            command.env("GIT_CONFIG_COUNT", "1");
            command.env("GIT_CONFIG_KEY_0", format!("http.{server}.extraheader")).env("GIT_CONFIG_VALUE_0", header);
        }
    }
}

/// Where an agent answers. Addresses of sockets are short and a folder's name need not be, so it is known by its descriptor.
struct Socket {
    folder: fs::File,
    _forwarding: Forwarding,
}

/// `https://host/` of an address that git asks over HTTP; none for others.
fn server(url: &str) -> Option<String> {
    let (scheme, rest) = url.split_once("://").filter(|(scheme, _)| ["http", "https"].contains(scheme))?;
    let host = rest.split(['/', '#', '?']).next().unwrap_or_default();
    let host = host.rsplit('@').next().unwrap_or(host);
    Some(format!("{scheme}://{host}/"))
}

/// The header by which the client opens a server's repositories: one of its own, or a token; those for one server alone come first.
fn header(client: &dyn Client, server: &str) -> Result<Option<(String, String)>, BuildError> {
    let host = server.split("://").nth(1).unwrap_or_default().trim_end_matches('/');
    let said = |name: &str| -> Result<Option<String>, BuildError> {
        for id in [format!("{name}.{host}"), name.to_owned()] {
            if let Some(secret) = client.secret(&id)? {
                let text = String::from_utf8_lossy(&secret).trim().to_owned();
                return Ok(Some(text).filter(|text| !text.is_empty() && !text.contains(['\n', '\r'])));
            }
        }
        Ok(None)
    };
    if let Some(header) = said(HEADER)? {
        return Ok(Some((server.to_owned(), format!("Authorization: {header}"))));
    }
    let token = said(TOKEN)?.map(|token| base64::encode(format!("x-access-token:{token}").as_bytes()));
    Ok(token.map(|token| (server.to_owned(), format!("Authorization: basic {token}"))))
}

/// A socket at which the client's agent answers; none where the client has no such agent.
fn agent(client: &dyn Client, scratch: &Path) -> Result<Option<Socket>, BuildError> {
    let failed = |e: std::io::Error| BuildError::new(format!("cannot make a socket for the agent of keys: {e}"));
    let folder = scratch.join("keys");
    fs::create_dir(&folder).and_then(|()| fs::set_permissions(&folder, fs::Permissions::from_mode(0o700))).map_err(failed)?;
    let folder = fs::File::open(&folder).map_err(failed)?;
    let listener = UnixListener::bind(format!("/proc/self/fd/{}/agent", folder.as_raw_fd())).map_err(failed)?;
    // One that the client does not have is missed by git, which says of what.
    let forwarding = client.agent(AGENT, listener).ok().flatten();
    Ok(forwarding.map(|forwarding| Socket { folder, _forwarding: forwarding }))
}

#[cfg(test)]
mod tests {
    use super::server;

    #[test]
    fn servers_are_told_from_hosts() {
        assert_eq!(server("https://u:p@h:8443/x/y.git#main").as_deref(), Some("https://h:8443/"));
        assert_eq!(server("http://h").as_deref(), Some("http://h/"));
        assert_eq!((server("git@h:x.git"), server("ssh://h/x.git")), (None, None));
    }
}
