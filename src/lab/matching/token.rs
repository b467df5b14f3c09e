//! Values that differ from run to run, recognised in a line of expected output by their form. Compares nothing.

use std::sync::LazyLock;

use regex::Regex;

/// What kind of value a token is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Class {
    /// Text that must be there as it is.
    Literal,
    /// `...` within a line: any text.
    Wild,
    /// A hexadecimal id or hash of this many digits.
    Id(usize),
    /// `sha256:` and digits.
    Digest,
    /// The start of an id that was bound before: `47d6`.
    IdPrefix,
    /// `2 weeks ago`, `Up 3 minutes`.
    Age,
    Size,
    Date,
    Clock,
    Duration,
    Address,
    /// A port that the engine chose.
    Port,
    Mac,
    Uuid,
    /// `recursing_shtern`.
    Name,
    Pid,
    Temporary,
    /// `<yourContainerId>`: its normal name.
    Placeholder(String),
}

/// A stretch of an expected line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    pub class: Class,
    pub text: String,
}

const AGE: &str = r"(?:About |Less than )?(?:an?|[0-9]+) (?:second|minute|hour|day|week|month|year|min|sec)s?\.?";
const SIZE: &str = r"[0-9]+(?:\.[0-9]+)? ?(?:[kKMGT]i?)?B";
const MONTH: &str = r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)";

impl Class {
    /// A regular expression, without groups that capture, for every value of the class that can stand where `text` stands.
    pub fn pattern(&self, text: &str) -> String {
        match self {
            Class::Literal => regex::escape(text),
            Class::Wild => ".*".into(),
            Class::Id(digits) => format!("[0-9a-f]{{{digits}}}"),
            Class::Digest if text.len() == 71 => "sha256:[0-9a-f]{64}".into(),
            Class::Digest => "sha256:[0-9a-f]+".into(),
            Class::IdPrefix => "[0-9a-f]{3,64}".into(),
            Class::Age if text.starts_with("Up ") => format!("Up {AGE}"),
            Class::Age => format!("{AGE} ago"),
            Class::Size => SIZE.into(),
            Class::Date => date_form(text),
            Class::Clock => r"[0-9]{1,2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]+)?".into(),
            Class::Duration => r"[0-9][0-9./m]* ?(?:[nuµm]?s|seconds)".into(),
            Class::Address => r"[0-9]{1,3}(?:\.[0-9]{1,3}){3}".into(),
            Class::Port => "[0-9]{1,5}".into(),
            Class::Mac => "[0-9A-Fa-f]{2}(?::[0-9A-Fa-f]{2}){5}".into(),
            Class::Uuid => "[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}".into(),
            Class::Name => "[a-z]+_[a-z]+[0-9]?".into(),
            Class::Pid => "[0-9]+".into(),
            Class::Temporary => r"/tmp/tmp\.[A-Za-z0-9]+".into(),
            Class::Placeholder(_) => r"\S+".into(),
        }
    }
}

/// The form of a date: digits and names of days, months and zones may be others, everything else stays.
fn date_form(text: &str) -> String {
    let mut form = String::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let run = rest.len() - rest.trim_start_matches(|d: char| kind(d) == kind(c)).len();
        let (piece, after) = rest.split_at(run.max(c.len_utf8()));
        rest = after;
        match kind(c) {
            // `Feb  2` and `Feb 20`: one digit or two.
            0 if piece.len() <= 2 => form.push_str("[0-9]{1,2}"),
            0 if piece.len() == 4 => form.push_str("[0-9]{4}"),
            0 => form.push_str("[0-9]+"),
            1 if piece == "T" || piece == "Z" => form.push_str(piece),
            1 if piece.chars().all(char::is_uppercase) => form.push_str("[A-Z]{2,5}"),
            1 => form.push_str("[A-Z][a-z]{2,8}"),
            2 => form.push_str(" +"),
            _ => form.push_str(&regex::escape(piece)),
        }
    }
    form
}

fn kind(c: char) -> u8 {
    match c {
        '0'..='9' => 0,
        c if c.is_ascii_alphabetic() => 1,
        ' ' => 2,
        _ => 3,
    }
}

static VALUES: LazyLock<Regex> = LazyLock::new(|| {
    let day = r"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*,?";
    let clock = r"[0-9]{1,2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]+)?)?";
    let zone = r"(?: ?(?:UTC|GMT|Z|[+-][0-9]{2}:?[0-9]{2}|[A-Z]{3,4}T)\b)*";
    Regex::new(&format!(
        concat!(
            r"(?P<placeholder><[A-Za-z][A-Za-z0-9_ -]*>)",
            r"|(?P<wild>\.\.\.|…|\. \. \.)",
            r"|(?P<digest>\bsha256:[0-9a-f]{{6,64}}\b)",
            r"|(?P<date>\b(?:{day} +(?:{month}[a-z]* +[0-9]{{1,2}}|[0-9]{{1,2}} +{month}[a-z]*(?: +[0-9]{{4}})?),? +(?:[0-9]{{4}} +)?{clock}(?: [AP]M)?{zone}(?: +[0-9]{{4}}\b)?",
            r"|[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}(?:[T ]{clock}{zone})?",
            r"|[0-9]{{2}}/{month}/[0-9]{{4}}:[0-9:]{{8}}(?: [+-][0-9]{{4}})?",
            r"|{month} +[0-9]{{1,2}} +(?:[0-9]{{1,2}}:[0-9]{{2}}(?::[0-9]{{2}})?|[0-9]{{4}})\b))",
            r"|(?P<uuid>\b[0-9a-fA-F]{{8}}(?:-[0-9a-fA-F]{{4}}){{3}}-[0-9a-fA-F]{{12}}\b)",
            r"|(?P<mac>\b[0-9A-Fa-f]{{2}}(?::[0-9A-Fa-f]{{2}}){{5}}\b)",
            r"|(?P<address>\b[0-9]{{1,3}}(?:\.[0-9]{{1,3}}){{3}}\b)",
            r"|(?P<clock>\b[0-9]{{1,2}}:[0-9]{{2}}:[0-9]{{2}}(?:\.[0-9]+)?\b)",
            r"|(?P<age>\b(?:Up {age}(?: ago\b)?|{age} ago\b))",
            r"|(?P<duration>\b(?:[0-9]+\.[0-9]+(?:/[0-9]+\.[0-9]+)* ?(?:[nuµm]?s|seconds)\b|[0-9]+ ?[nuµm]s\b|[0-9]+m[0-9.]+s\b))",
            r"|(?P<size>\b{size}\b)",
            r"|(?P<temporary>/tmp/tmp\.[A-Za-z0-9]{{6,}})",
            r"|(?P<id>\b(?:[0-9a-f]{{128}}|[0-9a-f]{{64}}|[0-9a-f]{{40}}|[0-9a-f]{{32}}|[0-9a-f]{{12}})\b)",
            r"|:(?P<port>[0-9]{{2,5}})(?:->|\b)",
            r"|(?P<name>\b[a-z]{{3,}}_[a-z]{{3,}}[0-9]?\b)",
        ),
        day = day,
        month = MONTH,
        clock = clock,
        zone = zone,
        age = AGE,
        size = SIZE,
    ))
    .expect("a constant pattern")
});

/// Splits a line into literal text and values. `known` says whether a short word is the start of an id seen before.
pub fn tokens(line: &str, known: &dyn Fn(&str) -> bool) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut done = 0;
    let mut at = 0;
    while let Some(found) = VALUES.captures_at(line, at) {
        let (name, value) = VALUES
            .capture_names()
            .flatten()
            .find_map(|name| found.name(name).map(|value| (name, value)))
            .unwrap_or(("", found.get_match()));
        at = found.get_match().end().max(found.get_match().start() + 1);
        while !line.is_char_boundary(at) {
            at += 1;
        }
        let Some(class) = class(name, value.as_str(), &line[value.end()..]) else {
            // Not a value after all; what follows its first word may be.
            at = value.start() + value.as_str().chars().next().map_or(1, char::len_utf8);
            at += line[at..].len() - line[at..].trim_start_matches(|c: char| c.is_ascii_alphanumeric() || c == '.' || c == '_').len();
            if at >= line.len() {
                break;
            }
            continue;
        };
        literal(&mut tokens, &line[done..value.start()], known);
        tokens.push(Token { class, text: value.as_str().to_owned() });
        done = value.end();
        at = done.max(1);
        if at > line.len() || done >= line.len() {
            break;
        }
    }
    literal(&mut tokens, &line[done..], known);
    tokens
}

fn class(name: &str, value: &str, after: &str) -> Option<Class> {
    Some(match name {
        "placeholder" => Class::Placeholder(placeholder(value)?),
        "wild" => Class::Wild,
        "digest" => Class::Digest,
        "date" => Class::Date,
        "uuid" => Class::Uuid,
        "mac" => Class::Mac,
        "address" => is_private(value).then_some(Class::Address)?,
        "clock" => Class::Clock,
        "age" => Class::Age,
        "duration" => Class::Duration,
        "size" => Class::Size,
        "temporary" => Class::Temporary,
        "id" => Class::Id(value.len()),
        "port" => (after.starts_with("->") || is_ephemeral(value)).then_some(Class::Port)?,
        "name" => is_generated(value).then_some(Class::Name)?,
        _ => return None,
    })
}

static SHORT: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"\b[0-9a-f]{3,64}\b").expect("a constant pattern"));

/// Adds literal text, and apart from it the words that are the start of a known id.
fn literal(tokens: &mut Vec<Token>, text: &str, known: &dyn Fn(&str) -> bool) {
    let mut done = 0;
    let mut push = |class: Class, text: &str| {
        if !text.is_empty() {
            tokens.push(Token { class, text: text.to_owned() });
        }
    };
    for word in SHORT.find_iter(text).filter(|w| known(w.as_str())) {
        push(Class::Literal, &text[done..word.start()]);
        push(Class::IdPrefix, word.as_str());
        done = word.end();
    }
    push(Class::Literal, &text[done..]);
}

/// The normal name of `<yourContainerId>`, `<container_ID>`, `<containerId>`: `containerid`.
pub fn normal_name(text: &str) -> String {
    let plain: String = text.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
    plain.strip_prefix("your").or(plain.strip_prefix("the")).unwrap_or(&plain).to_owned()
}

/// The normal name of a placeholder. None for what slides show as it is: HTML, `<missing>`, `<none>`.
pub fn placeholder(text: &str) -> Option<String> {
    const ABOUT: &[&str] = &[
        "container",
        "image",
        "user",
        "id",
        "ip",
        "port",
        "name",
        "hash",
        "digest",
        "new",
        "volume",
        "network",
        "pid",
        "host",
        "token",
        "addr",
        "tag",
    ];
    let plain = normal_name(text.strip_prefix('<')?.strip_suffix('>')?);
    (ABOUT.iter().any(|word| plain.contains(word)) && !["hidden", "width"].contains(&plain.as_str())).then_some(plain)
}

fn is_private(address: &str) -> bool {
    let mut parts = [0u8; 4];
    for (part, text) in parts.iter_mut().zip(address.split('.')) {
        match text.parse() {
            Ok(n) => *part = n,
            Err(_) => return false,
        }
    }
    matches!(parts, [10, ..] | [172, 16..=31, ..] | [192, 168, ..] | [169, 254, ..]) && parts[3] != 255
}

/// Whether a port is one that an engine chooses by itself.
pub fn is_ephemeral(port: &str) -> bool {
    port.parse::<u32>().is_ok_and(|p| (32768..65536).contains(&p))
}

/// First words of the names that Docker makes up.
const ADJECTIVES: &str = "admiring adoring affectionate agitated amazing angry awesome backstabbing beautiful berserk big blissful bold boring brave \
    busy charming clever cocky compassionate competent condescending confident cool cranky crazy dazzling desperate determined distracted \
    dreamy drunk eager ecstatic elastic elated elegant eloquent epic evil exciting fervent festive flamboyant focused friendly frosty funny \
    furious gallant gifted gigantic gloomy goofy gracious grave great happy hardcore heuristic high hopeful hungry infallible inspiring insane \
    intelligent interesting jolly jovial keen kickass kind laughing lonely loving lucid mad magical modest musing mystifying naughty nervous \
    nice nifty nostalgic objective optimistic peaceful pedantic pensive practical priceless prickly quirky quizzical recursing relaxed reverent \
    romantic sad serene sharp sick silly sleepy small stoic strange stupefied suspicious sweet tender thirsty tiny trusting unruffled upbeat \
    vibrant vigilant vigorous wizardly wonderful xenodochial youthful zealous zen";

fn is_generated(name: &str) -> bool {
    name.split_once('_').is_some_and(|(first, _)| ADJECTIVES.split_whitespace().any(|a| a == first))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn classes(line: &str) -> Vec<(Class, String)> {
        tokens(line, &|word| "47d677dcfba4".starts_with(word))
            .into_iter()
            .filter(|t| t.class != Class::Literal)
            .map(|t| (t.class, t.text))
            .collect()
    }

    #[test]
    fn values_are_recognised() {
        for (line, class, text) in [
            ("47d677dcfba4  jpetazzo/clock", Class::Id(12), "47d677dcfba4"),
            (
                "Digest: sha256:640310ef30feda4976cfced515763b156565288035b308ceb42cb4b6bb4b79cc",
                Class::Digest,
                "sha256:640310ef30feda4976cfced515763b156565288035b308ceb42cb4b6bb4b79cc",
            ),
            ("47d6", Class::IdPrefix, "47d6"),
            ("x 2 weeks ago y", Class::Age, "2 weeks ago"),
            ("About an hour ago", Class::Age, "About an hour ago"),
            ("Up Less than a second", Class::Age, "Up Less than a second"),
            ("Exited (137) 3 min. ago", Class::Age, "3 min. ago"),
            ("4.798 MB", Class::Size, "4.798 MB"),
            ("188MB", Class::Size, "188MB"),
            ("12.3MiB", Class::Size, "12.3MiB"),
            ("Fri Feb 20 00:28:53 UTC 2015", Class::Date, "Fri Feb 20 00:28:53 UTC 2015"),
            ("\"2015-02-24T07:21:11.712240394Z\"", Class::Date, "2015-02-24T07:21:11.712240394Z"),
            ("2024-05-01 10:00:00 +0000 UTC", Class::Date, "2024-05-01 10:00:00 +0000 UTC"),
            ("-rw-r--r-- 1 root root 7 May  1 10:00 f", Class::Date, "May  1 10:00"),
            ("at 10:11:12 sharp", Class::Clock, "10:11:12"),
            ("time=0.164 ms", Class::Duration, "0.164 ms"),
            ("real\t0m0.003s", Class::Duration, "0m0.003s"),
            ("inet 172.17.0.2/16", Class::Address, "172.17.0.2"),
            ("0.0.0.0:12345->80/tcp", Class::Port, "12345"),
            ("localhost:32770", Class::Port, "32770"),
            ("link/ether 02:42:ac:11:00:02", Class::Mac, "02:42:ac:11:00:02"),
            ("484b2f recursing_shtern", Class::Name, "recursing_shtern"),
            ("<yourContainerId>", Class::Placeholder("containerid".into()), "<yourContainerId>"),
            ("Up ...", Class::Wild, "..."),
        ] {
            assert_eq!(classes(line), [(class, text.to_owned())], "{line}");
        }
    }

    #[test]
    fn other_text_is_literal() {
        for line in [
            "hello world",
            "<missing>",
            "<none>:<none>",
            "<html>",
            "foo_bar",
            "127.0.0.1",
            "0.0.0.0",
            "8.8.8.8",
            "version 28.2.2",
            "localhost:5000/wordpress",
            "Exited (137)",
            "sleep 10 seconds",
            "port 8080",
            "64 bytes from",
            "a1b2c3",
            "12:30",
        ] {
            assert_eq!(classes(line), [], "{line}");
        }
        let text = "a b  0.0.0.0:80->80/tcp 127.0.0.1 é ... 1.2.3.4 <b> end";
        let again: String = tokens(text, &|_| false).into_iter().map(|t| t.text).collect();
        assert_eq!(again, text);
    }
}
