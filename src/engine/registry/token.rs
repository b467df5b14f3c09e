//! Tokens: what a registry asks for in its challenge, and what its token server answers. Does no I/O.

use std::time::{Duration, Instant};

use serde::Deserialize;

/// How a registry wants to be spoken to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Challenge {
    Basic,
    Bearer {
        realm: String,
        service: String,
        scope: String,
    },
    /// None that is understood.
    Other,
}

/// A token that was handed out.
pub struct Token {
    pub text: String,
    pub until: Instant,
    /// What may be kept instead of a password, where it was asked for and is handed out.
    pub identity: Option<String>,
}

/// What token servers are told of the program that asks.
const CLIENT: &str = "dockside";

impl Challenge {
    /// Reads a `WWW-Authenticate` header.
    pub fn parse(header: &str) -> Challenge {
        let (scheme, rest) = header.trim().split_once(' ').unwrap_or((header.trim(), ""));
        if scheme.eq_ignore_ascii_case("basic") {
            return Challenge::Basic;
        }
        if !scheme.eq_ignore_ascii_case("bearer") {
            return Challenge::Other;
        }
        let value =
            |name: &str| parameters(rest).into_iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v).unwrap_or_default();
        match value("realm") {
            realm if realm.is_empty() => Challenge::Other,
            realm => Challenge::Bearer { realm, service: value("service"), scope: value("scope") },
        }
    }
}

/// `key="value",…`: commas and escapes may stand in the quotes.
fn parameters(mut rest: &str) -> Vec<(String, String)> {
    let mut all = Vec::new();
    while let Some((name, after)) = rest.split_once('=') {
        let name = name.trim_matches([' ', ',', '\t']).to_owned();
        let mut value = String::new();
        if let Some(quoted) = after.strip_prefix('"') {
            let mut letters = quoted.char_indices();
            let mut end = quoted.len();
            while let Some((at, letter)) = letters.next() {
                match letter {
                    '"' => {
                        end = at + 1;
                        break;
                    }
                    '\\' => value.extend(letters.next().map(|(_, c)| c)),
                    other => value.push(other),
                }
            }
            rest = &quoted[end..];
        } else {
            let end = after.find(',').unwrap_or(after.len());
            value.push_str(after[..end].trim());
            rest = &after[end..];
        }
        all.push((name, value));
    }
    all
}

/// The URL at which a token is asked for; `offline` for an identity token, too.
pub fn url(realm: &str, service: &str, scope: &str, account: Option<&str>, offline: bool) -> String {
    let mut url = realm.to_owned();
    let mut separator = if realm.contains('?') { '&' } else { '?' };
    let mut add = |name: &str, value: &str| {
        url.push_str(&format!("{separator}{name}={}", escaped(value)));
        separator = '&';
    };
    if let Some(account) = account {
        add("account", account);
    }
    if !service.is_empty() {
        add("service", service);
    }
    for scope in scope.split_ascii_whitespace() {
        add("scope", scope);
    }
    if offline {
        add("offline_token", "true");
        add("client_id", CLIENT);
    }
    url
}

/// The form by which a token is asked for with an identity token (OAuth 2's refresh token).
pub fn refreshing(identity: &str, service: &str, scope: &str) -> String {
    let mut fields = vec![("grant_type", "refresh_token"), ("refresh_token", identity), ("service", service), ("client_id", CLIENT)];
    if !scope.is_empty() {
        fields.push(("scope", scope));
    }
    fields.iter().map(|(name, value)| format!("{name}={}", escaped(value))).collect::<Vec<_>>().join("&")
}

fn escaped(text: &str) -> String {
    text.bytes()
        .map(|b| if b.is_ascii_alphanumeric() || b"-._~:/,".contains(&b) { char::from(b).to_string() } else { format!("%{b:02X}") })
        .collect()
}

/// Reads a token server's answer.
pub fn read(body: &[u8]) -> Option<Token> {
    #[derive(Deserialize)]
    struct Answer {
        token: Option<String>,
        access_token: Option<String>,
        refresh_token: Option<String>,
        expires_in: Option<u64>,
    }
    let answer: Answer = serde_json::from_slice(body).ok()?;
    let text = answer.token.or(answer.access_token).filter(|t| !t.is_empty())?;
    // The protocol's own time for a server that says none, and a day for one that says for ever.
    let lives = Duration::from_secs(answer.expires_in.unwrap_or(60).min(86_400));
    Some(Token { text, until: Instant::now() + lives, identity: answer.refresh_token.filter(|t| !t.is_empty()) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn challenges_are_read() {
        assert_eq!(Challenge::parse("Basic realm=\"x\""), Challenge::Basic);
        assert_eq!(Challenge::parse("Negotiate"), Challenge::Other);
        assert_eq!(Challenge::parse("Bearer service=\"x\""), Challenge::Other);
        let bearer = Challenge::parse(r#"Bearer realm="https://a.b/token?x=1",service="r.b",scope="repository:a/b:pull,push",error="e\"""#);
        let [realm, service, scope] = ["https://a.b/token?x=1", "r.b", "repository:a/b:pull,push"].map(str::to_owned);
        assert_eq!(bearer, Challenge::Bearer { realm, service, scope });
        // Whatever comes, it ends.
        for text in ["Bearer realm=\"", "Bearer =,=,=", "Bearer realm=\"a\\", "bearer realm=a, service=b"] {
            let _ = Challenge::parse(text);
        }
    }

    #[test]
    fn a_token_is_asked_for_with_all_that_the_challenge_said() {
        assert_eq!(
            url("https://a.b/t", "r b", "repository:x:pull repository:y:pull,push", Some("me&you"), false),
            "https://a.b/t?account=me%26you&service=r%20b&scope=repository:x:pull&scope=repository:y:pull,push"
        );
        assert_eq!(url("https://a.b/t?x=1", "s", "", None, true), "https://a.b/t?x=1&service=s&offline_token=true&client_id=dockside");
        assert_eq!(refreshing("a+b", "s", "x y"), "grant_type=refresh_token&refresh_token=a%2Bb&service=s&client_id=dockside&scope=x%20y");
        assert_eq!(read(br#"{"access_token":"t","expires_in":300}"#).unwrap().text, "t");
        assert!(read(br#"{"token":""}"#).is_none() && read(b"x").is_none());
    }
}
