//! Lists in the headers of a call: one header a value, and all of them encoded where one could not stand there as it is.

use hyper::HeaderMap;

/// Adds the list `name`.
pub fn push(headers: &mut Vec<(String, String)>, name: &str, values: &[String]) {
    let encode = values.iter().any(|value| !value.bytes().all(|b| (b' '..=b'~').contains(&b)));
    headers.extend(values.iter().map(|value| (name.to_owned(), if encode { escape(value) } else { value.clone() })));
    if encode {
        headers.push((format!("{name}-encoded"), "1".to_owned()));
    }
}

/// Reads the list `name`.
pub fn list(headers: &HeaderMap, name: &str) -> Vec<String> {
    let encoded = headers.contains_key(format!("{name}-encoded"));
    let values = headers.get_all(name).iter().map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
    values.map(|value| if encoded { unescape(&value) } else { value }).collect()
}

/// A value as in the query of an address.
fn escape(value: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_.~".contains(&b);
    value.bytes().map(|b| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}

fn unescape(value: &str) -> String {
    super::status::unescape(&value.replace('+', " "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_survive() {
        for values in [vec!["a b+c%41".to_owned(), "*".to_owned()], vec!["größe + x".to_owned(), "a%".to_owned()], Vec::new()] {
            let mut pairs = Vec::new();
            push(&mut pairs, "paths", &values);
            let mut headers = HeaderMap::new();
            for (name, value) in pairs {
                let name: hyper::header::HeaderName = name.parse().expect("a name");
                headers.append(name, value.parse().expect("a value"));
            }
            assert_eq!(list(&headers, "paths"), values);
        }
    }
}
