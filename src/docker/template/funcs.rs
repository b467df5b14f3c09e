//! The functions of templates: Go's own and those that Docker adds. `and`, `or` and `call`, which look at operands, are in `exec`.

use std::cmp::Ordering;

use serde_json::Value as Json;

use super::printf;
use super::types::{TEXTS, Type};
use super::value::{Value, json_text};

const NAMES: &[&str] = &[
    "and", "call", "eq", "ge", "gt", "html", "index", "join", "js", "json", "le", "len", "lower", "lt", "ne", "not", "or", "pad", "print",
    "printf", "println", "slice", "split", "title", "truncate", "upper", "urlquery",
];

pub(super) fn exists(name: &str) -> bool {
    NAMES.contains(&name)
}

/// How many arguments a function takes at least, and at most.
fn arity(name: &str) -> (usize, usize) {
    match name {
        "json" | "len" | "lower" | "not" | "title" | "upper" => (1, 1),
        "join" | "split" | "truncate" | "ne" | "lt" | "le" | "gt" | "ge" => (2, 2),
        "pad" => (3, 3),
        "eq" | "index" | "slice" | "printf" | "and" | "or" | "call" => (1, usize::MAX),
        _ => (0, usize::MAX),
    }
}

/// Whether the call has the right number of arguments, in Go's words.
pub(super) fn check_arity(name: &str, count: usize) -> Result<(), String> {
    let (least, most) = arity(name);
    if least == most && count != least {
        return Err(format!("wrong number of args for {name}: want {least} got {count}"));
    }
    if count < least {
        return Err(format!("wrong number of args for {name}: want at least {least} got {count}"));
    }
    Ok(())
}

/// Why a call failed: Go wraps what a function says, and not what it finds wrong with the arguments.
pub(super) enum Fault {
    Call(String),
    Argument(usize, String),
}

/// Calls a function. In a table's `header` row those that change texts leave them alone.
pub(super) fn call(name: &str, args: &[Value], header: bool) -> Result<Value, Fault> {
    let given = args;
    let args: Vec<Value> = given.iter().map(|arg| arg.clone().unboxed()).collect();
    let args = args.as_slice();
    let wrong = |i: usize, expected: &str| {
        let text = match (&args[i], &given[i]) {
            (Value::Missing, Value::Missing) => format!("invalid value; expected {expected}"),
            // An interface with nothing in it.
            (Value::Missing, _) => format!("wrong type for value; expected {expected}; got interface {{}}"),
            (other, _) => format!("wrong type for value; expected {expected}; got {}", other.type_name()),
        };
        Fault::Argument(i, text)
    };
    let text = |i: usize| match &args[i] {
        Value::Json(Json::String(s), Type::Text) => Ok(s.clone()),
        _ => Err(wrong(i, "string")),
    };
    let int = |i: usize| match &args[i] {
        Value::Json(Json::Number(n), Type::Int) => Ok(n.as_i64().unwrap_or(0)),
        _ => Err(wrong(i, "int")),
    };
    let string = |s: String| Ok(Value::plain(Json::String(s)));
    if header && matches!(name, "json" | "split" | "join" | "title" | "lower" | "upper" | "truncate") {
        return Ok(args.first().cloned().unwrap_or(Value::Missing));
    }
    match name {
        "json" => string(match &args[0] {
            // Rows write themselves, and escape what HTML would read.
            Value::Subject(_) | Value::Json(_, Type::List(Type::Pointer(Type::Open(_)))) => json_text(&args[0].to_json(), true),
            other => json_text(&other.to_json(), false),
        }),
        "lower" => string(text(0)?.to_lowercase()),
        "upper" => string(text(0)?.to_uppercase()),
        "title" => string(title(&text(0)?)),
        "split" => {
            let (whole, mark) = (text(0)?, text(1)?);
            let parts: Vec<Json> = if mark.is_empty() {
                whole.chars().map(|c| Json::String(c.to_string())).collect()
            } else {
                whole.split(mark.as_str()).map(Json::from).collect()
            };
            Ok(Value::Json(Json::Array(parts), TEXTS))
        }
        "join" => match &args[0] {
            Value::Json(list, Type::List(Type::Text)) => {
                let parts: Vec<&str> = list.as_array().into_iter().flatten().filter_map(Json::as_str).collect();
                string(parts.join(&text(1)?))
            }
            _ => Err(wrong(0, "[]string")),
        },
        "pad" => {
            let (whole, before, after) = (text(0)?, int(1)?, int(2)?);
            if whole.is_empty() {
                return string(whole);
            }
            let blanks = |n: i64| " ".repeat(n.clamp(0, 1 << 16) as usize);
            string(format!("{}{whole}{}", blanks(before), blanks(after)))
        }
        "truncate" => {
            let (whole, length) = (text(0)?, int(1)?.max(0) as usize);
            string(whole.chars().take(length).collect())
        }
        "len" => length(&args[0]).map(|n| Value::plain(Json::from(n))).map_err(Fault::Call),
        "index" => index(&args[0], &args[1..]).map_err(Fault::Call),
        "slice" => slice(&args[0], &args[1..]).map_err(Fault::Call),
        "not" => Ok(Value::plain(Json::Bool(!args[0].truth()))),
        "eq" | "ne" | "lt" | "le" | "gt" | "ge" => compare(name, args).map(|b| Value::plain(Json::Bool(b))).map_err(Fault::Call),
        "print" => string(printf::print(args, false)),
        "println" => string(printf::print(args, true)),
        "printf" => {
            let format = text(0)?;
            string(printf::printf(&format, &args[1..]))
        }
        "html" => string(escape_html(&followed(args))),
        "js" => string(escape_script(&followed(args))),
        "urlquery" => string(crate::docker::host::query_escape(&followed(args))),
        // `and`, `or` and `call` are looked after where operands are evaluated.
        _ => Err(Fault::Call(format!("{name} cannot be called here"))),
    }
}

fn title(text: &str) -> String {
    let mut start = true;
    text.chars()
        .map(|c| {
            let out = if start { c.to_uppercase().next().unwrap_or(c) } else { c };
            start = !(c.is_alphanumeric() || matches!(c, '_' | '\''));
            out
        })
        .collect()
}

fn escape_html(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&#34;").replace('\'', "&#39;")
}

fn escape_script(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' | '\'' | '"' => out.extend(['\\', c]),
            '<' | '>' | '&' | '=' => out.push_str(&format!("\\u{:04X}", c as u32)),
            c if c.is_control() => out.push_str(&format!("\\u{:04X}", c as u32)),
            c => out.push(c),
        }
    }
    out
}

/// What an action would print of all of them.
fn followed(args: &[Value]) -> String {
    let args: Vec<Value> = args.iter().map(|arg| arg.clone().followed()).collect();
    printf::print(&args, false)
}

fn length(value: &Value) -> Result<usize, String> {
    match value.clone().followed() {
        Value::Json(Json::String(s), Type::Text | Type::Word(_)) => Ok(s.len()),
        Value::Json(Json::Array(list), _) => Ok(list.len()),
        Value::Json(Json::Object(map), Type::Map(_) | Type::Keyed(..)) => Ok(map.len()),
        Value::Json(Json::Null, Type::List(_) | Type::Map(_) | Type::Keyed(..)) => Ok(0),
        Value::Missing | Value::Json(Json::Null, _) => Err("len of nil pointer".to_owned()),
        other => Err(format!("len of type {}", other.type_name())),
    }
}

fn index(value: &Value, keys: &[Value]) -> Result<Value, String> {
    let mut here = value.clone();
    if keys.is_empty() {
        return Ok(here);
    }
    if matches!(here, Value::Missing) {
        return Err("index of untyped nil".to_owned());
    }
    for key in keys {
        here = match here.followed() {
            Value::Missing | Value::Json(Json::Null, Type::Pointer(_)) => return Err("index of nil pointer".to_owned()),
            Value::Json(list, Type::List(of)) => {
                let empty = Vec::new();
                let list = list.as_array().unwrap_or(&empty);
                let i = position(key, list.len())?;
                element(list.get(i), *of)
            }
            Value::Json(Json::String(s), Type::Text | Type::Word(_)) => {
                let i = position(key, s.len())?;
                Value::plain(Json::from(s.as_bytes()[i]))
            }
            Value::Json(_, Type::Keyed(_, keys, _)) => return Err(format!("value has type {}; should be {keys}", key.type_name())),
            Value::Json(map, Type::Map(of)) => match key {
                Value::Json(Json::String(key), Type::Text) => element(map.get(key), *of),
                Value::Missing => return Err("value is nil; should be of type string".to_owned()),
                other => return Err(format!("value has type {}; should be string", other.type_name())),
            },
            other => return Err(format!("can't index item of type {}", other.type_name())),
        };
    }
    Ok(here)
}

/// What is in a list or a map, or what Go has in its place.
fn element(json: Option<&Json>, kind: Type) -> Value {
    Value::Json(json.filter(|json| !json.is_null()).cloned().unwrap_or_else(|| kind.zero()), kind)
}

/// Where in something of this length a key leads.
fn position(key: &Value, length: usize) -> Result<usize, String> {
    match key {
        Value::Json(Json::Number(n), Type::Int) => {
            let place = n.as_u64().and_then(|n| usize::try_from(n).ok()).filter(|n| *n < length);
            place.ok_or_else(|| format!("index out of range: {n}"))
        }
        Value::Missing => Err("cannot index slice/array with nil".to_owned()),
        other => Err(format!("cannot index slice/array with type {}", other.type_name())),
    }
}

fn slice(value: &Value, ends: &[Value]) -> Result<Value, String> {
    let value = value.clone().followed();
    let length = match &value {
        Value::Missing => return Err("slice of untyped nil".to_owned()),
        Value::Json(Json::String(s), Type::Text | Type::Word(_)) => s.len(),
        Value::Json(list, Type::List(_)) => list.as_array().map_or(0, Vec::len),
        other => return Err(format!("can't slice item of type {}", other.type_name())),
    };
    // An end may be behind the last.
    let end = |i: usize, default: usize| ends.get(i).map_or(Ok(default), |end| position(end, length + 1));
    let (from, to) = (end(0, 0)?, end(1, length)?);
    if from > to {
        return Err(format!("invalid slice index: {from} > {to}"));
    }
    Ok(match value {
        Value::Json(Json::String(s), kind) => Value::Json(Json::from(String::from_utf8_lossy(&s.as_bytes()[from..to])), kind),
        Value::Json(Json::Array(list), kind) => Value::Json(Json::Array(list[from..to].to_vec()), kind),
        other => other,
    })
}

fn compare(name: &str, args: &[Value]) -> Result<bool, String> {
    use Ordering::{Equal, Greater, Less};
    let Some((first, others)) = args.split_first().filter(|(_, others)| !others.is_empty()) else {
        return Err("missing argument for comparison".to_owned());
    };
    if name == "eq" {
        for other in others {
            if order(first, other)? == Equal {
                return Ok(true);
            }
        }
        return Ok(false);
    }
    let second = &others[0];
    if name != "ne" && matches!(first, Value::Missing | Value::Json(Json::Bool(_) | Json::Null, _)) {
        return Err("invalid type for comparison".to_owned());
    }
    let order = order(first, second)?;
    Ok(match name {
        "ne" => order != Equal,
        "lt" => order == Less,
        "le" => order != Greater,
        "gt" => order == Greater,
        _ => order != Less,
    })
}

/// How two values of one kind stand to each other; what is nothing is equal to nothing else.
fn order(first: &Value, second: &Value) -> Result<Ordering, String> {
    let (a, b) = match (first, second) {
        (Value::Missing | Value::Json(Json::Null, _), Value::Missing | Value::Json(Json::Null, _)) => return Ok(Ordering::Equal),
        (Value::Missing | Value::Json(Json::Null, _), _) | (_, Value::Missing | Value::Json(Json::Null, _)) => return Ok(Ordering::Less),
        // They are equal where they lead to the same.
        (Value::Json(a, Type::Pointer(_)), Value::Json(b, Type::Pointer(_))) => {
            return Ok(if a == b { Ordering::Equal } else { Ordering::Less });
        }
        (Value::Json(a, kind), Value::Json(b, other)) if !matches!(kind, Type::Pointer(_)) && !matches!(other, Type::Pointer(_)) => (a, b),
        _ => return Err("incompatible types for comparison".to_owned()),
    };
    match (a, b) {
        (Json::Number(a), Json::Number(b)) if a.is_f64() == b.is_f64() => match (a.as_i64(), b.as_i64()) {
            (Some(a), Some(b)) => Ok(a.cmp(&b)),
            _ => Ok(a.as_f64().partial_cmp(&b.as_f64()).unwrap_or(Ordering::Less)),
        },
        (Json::String(a), Json::String(b)) => Ok(a.cmp(b)),
        (Json::Bool(a), Json::Bool(b)) => Ok(a.cmp(b)),
        (Json::Array(_) | Json::Object(_), _) | (_, Json::Array(_) | Json::Object(_)) => Err("non-comparable type".to_owned()),
        _ => Err("incompatible types for comparison".to_owned()),
    }
}
