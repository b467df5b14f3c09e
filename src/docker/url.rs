//! What Go's `net/url` has against an address, in its words. It takes no address apart for use.

use super::units::quote;

/// Why `scheme://rest` is no address, if it is none.
pub fn fault(scheme: &str, rest: &str) -> Option<String> {
    let text = format!("{scheme}://{rest}");
    let why = if text.bytes().any(|b| b < b' ' || b == 0x7f) {
        Some("net/url: invalid control character in URL".to_owned())
    } else {
        let rest = rest.split(['#', '?']).next().unwrap_or_default();
        let (authority, path) = rest.find('/').map_or((rest, ""), |at| rest.split_at(at));
        let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
        host_fault(host).or_else(|| bad_escape(path))
    };
    why.map(|why| format!("parse {}: {why}", quote(&text)))
}

fn host_fault(host: &str) -> Option<String> {
    let port = if host.starts_with('[') {
        match host.rfind(']') {
            None => return Some("missing ']' in host".to_owned()),
            Some(end) => &host[end + 1..],
        }
    } else {
        host.rfind(':').map_or("", |at| &host[at..])
    };
    let digits = port.strip_prefix(':').unwrap_or(port);
    if port.starts_with(|c: char| c != ':') || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Some(format!("invalid port {} after host", quote(port)));
    }
    if let Some(wrong) = bad_escape(host) {
        return Some(wrong);
    }
    let odd = |c: &char| c.is_ascii() && !c.is_ascii_alphanumeric() && !"-_.~!$&'()*+,;=:[]<>\"%".contains(*c);
    host.chars().find(odd).map(|c| format!("invalid character {} in host name", quote(&c.to_string())))
}

/// A `%` that no two hexadecimal digits follow.
fn bad_escape(text: &str) -> Option<String> {
    text.match_indices('%').find_map(|(at, _)| {
        let tail: String = text[at..].chars().take(3).collect();
        let whole = tail.len() == 3 && tail.bytes().skip(1).all(|b| b.is_ascii_hexdigit());
        (!whole).then(|| format!("invalid URL escape {}", quote(&tail)))
    })
}

#[cfg(test)]
mod tests {
    use super::fault;

    #[test]
    fn addresses_are_refused_as_go_refuses_them() {
        for good in ["x", "x:1", "x:", "[::1]:1", "", "x:1:2", "u:p@x:1/base", "h/a%20b"] {
            assert_eq!(fault("tcp", good), None, "{good}");
        }
        for (bad, why) in [
            ("x:y", "invalid port \":y\" after host"),
            ("[::1]:y", "invalid port \":y\" after host"),
            ("[::1]y", "invalid port \"y\" after host"),
            ("x:-1", "invalid port \":-1\" after host"),
            ("u:p@x:y", "invalid port \":y\" after host"),
            ("[::1", "missing ']' in host"),
            ("a b:1", "invalid character \" \" in host name"),
            ("x/%zz", "invalid URL escape \"%zz\""),
            ("x/%é", "invalid URL escape \"%é\""),
        ] {
            assert_eq!(fault("tcp", bad), Some(format!("parse \"tcp://{bad}\": {why}")));
        }
    }
}
