//! What templates work on: JSON with Go's type of it, or a row with named methods. It knows what may be asked of a value and how one prints.

use std::rc::Rc;

use serde_json::Value as Json;

use super::types::{self, Struct, Type};
use crate::docker::units;

/// A row whose fields are computed, such as one line of `docker ps`.
pub trait Subject {
    /// Go's name of the type, for messages: `*formatter.ContainerContext`.
    fn type_name(&self) -> &str;
    /// A field or method; `None` if there is none of this name, an error (`wrong number of args …`) if it was called wrongly.
    fn call(&self, name: &str, args: &[Json]) -> Result<Option<Value>, String>;
    /// The whole as JSON.
    fn json(&self) -> Json;
}

/// A value in a template.
#[derive(Clone)]
pub enum Value {
    /// No value at all: prints `<no value>`.
    Missing,
    Json(Json, Type),
    Subject(Rc<dyn Subject>),
}

impl Value {
    /// An object that an engine sent, of one of Docker's types.
    pub fn typed(json: Json, of: &'static Struct) -> Value {
        Value::Json(json, Type::Struct(of))
    }

    /// What an engine sent, looked at without a type.
    pub fn raw(json: Json) -> Value {
        Value::Json(json, Type::Raw)
    }

    /// A value of its own, of the type that its JSON has.
    pub fn plain(json: Json) -> Value {
        let kind = match &json {
            Json::Bool(_) => Type::Bool,
            Json::Number(n) if n.is_f64() => Type::Float,
            Json::Number(_) => Type::Int,
            Json::String(_) => Type::Text,
            Json::Null | Json::Array(_) | Json::Object(_) => Type::Any,
        };
        Value::Json(json, kind)
    }

    /// What an interface holds: that is what a pipeline gives, and what functions are given.
    pub(super) fn unboxed(self) -> Value {
        match self {
            Value::Json(Json::Null, Type::Any | Type::Raw | Type::Boxed(_)) => Value::Missing,
            Value::Json(json, Type::Boxed(kind)) => Value::Json(json, *kind).unboxed(),
            Value::Json(Json::Number(n), Type::Raw) => Value::Json(Json::String(n.to_string()), RAW_NUMBER),
            Value::Json(Json::Number(n), Type::Any) => Value::Json(Json::Number(n), Type::Float),
            Value::Json(json @ Json::Array(_), Type::Any) => Value::Json(json, Type::List(&types::ANY)),
            Value::Json(json @ Json::Object(_), Type::Any) => Value::Json(json, Type::Map(&types::ANY)),
            Value::Json(json @ Json::Array(_), Type::Raw) => Value::Json(json, Type::List(&types::RAW)),
            Value::Json(json @ Json::Object(_), Type::Raw) => Value::Json(json, Type::Map(&types::RAW)),
            Value::Json(json, Type::Any | Type::Raw) => Value::plain(json),
            other => other,
        }
    }

    /// What a pointer leads to, too.
    pub(super) fn followed(self) -> Value {
        match self {
            Value::Json(json, kind @ Type::Pointer(_)) if !json.is_null() => Value::Json(json, kind.behind()),
            other => other.unboxed(),
        }
    }

    /// The value as JSON.
    pub fn to_json(&self) -> Json {
        match self {
            Value::Missing => Json::Null,
            Value::Json(json, kind) => types::encode(json, *kind),
            Value::Subject(subject) => subject.json(),
        }
    }

    /// Whether `if` takes it.
    pub(super) fn truth(&self) -> bool {
        match self {
            Value::Missing => false,
            Value::Subject(_) | Value::Json(_, Type::Struct(_) | Type::Time) => true,
            Value::Json(json, Type::Pointer(_)) => !json.is_null(),
            Value::Json(json, _) => match json {
                Json::Null => false,
                Json::Bool(b) => *b,
                Json::Number(n) => n.as_f64() != Some(0.0),
                Json::String(s) => !s.is_empty(),
                Json::Array(list) => !list.is_empty(),
                Json::Object(map) => !map.is_empty(),
            },
        }
    }

    /// What an action writes: a pointer is followed.
    pub(super) fn print(&self) -> String {
        match self {
            Value::Missing => "<no value>".to_owned(),
            Value::Subject(subject) => json_text(&subject.json(), false),
            Value::Json(json, kind @ Type::Pointer(_)) if !json.is_null() => format(json, kind.behind(), false),
            Value::Json(json, kind) => format(json, *kind, false),
        }
    }

    /// `%v` of Go's fmt: a pointer to a struct, a list or a map shows what it leads to, any other is an address.
    pub(super) fn verb(&self) -> String {
        match self {
            Value::Missing => "<nil>".to_owned(),
            Value::Json(json @ (Json::Object(_) | Json::Array(_)), kind @ Type::Pointer(_)) => match shown(json, *kind) {
                Some(text) => text,
                None => format!("&{}", format(json, kind.behind(), false)),
            },
            Value::Json(json, kind) => format(json, *kind, false),
            Value::Subject(_) => self.print(),
        }
    }

    /// Go's name of its type, for messages.
    pub(super) fn type_name(&self) -> String {
        match self {
            Value::Missing => "<nil>".to_owned(),
            Value::Subject(subject) => subject.type_name().to_owned(),
            Value::Json(_, kind) => kind.name(),
        }
    }
}

/// What a number is in JSON that was read without a type.
const RAW_NUMBER: Type = Type::Word("json.Number");

/// The text that a pointer has instead of an address, if its type has one.
fn shown(json: &Json, kind: Type) -> Option<String> {
    match (json, kind) {
        (Json::Object(object), Type::Pointer(Type::Struct(of))) => of.shown.map(|shown| shown(object)),
        _ => None,
    }
}

/// A value in Go's words; `inside` says that it is part of another. A pointer is the address where the value is.
fn format(json: &Json, kind: Type, inside: bool) -> String {
    let join = |open: &str, texts: Vec<String>, close: &str| format!("{open}{}{close}", texts.join(" "));
    match (json, kind) {
        (json, Type::Boxed(kind)) if !json.is_null() => format(json, *kind, inside),
        (json, Type::Pointer(_)) if !json.is_null() => match shown(json, kind) {
            Some(text) if inside => text,
            _ => format!("{json:p}"),
        },
        (Json::Object(object), Type::Struct(of)) => {
            join("{", of.fields.iter().map(|field| format(&field.value(object, of), field.kind, true)).collect(), "}")
        }
        (Json::Object(object), Type::Open(_)) => join("{", object.values().map(|value| format(value, Type::Any, true)).collect(), "}"),
        (Json::Null, Type::Map(_) | Type::Keyed(..)) => "map[]".to_owned(),
        (Json::Null, Type::List(_)) => "[]".to_owned(),
        (Json::Null, _) => "<nil>".to_owned(),
        (Json::String(text), Type::Time) => time_text(text),
        (Json::Number(n), Type::Duration) => n.as_i64().map_or_else(|| n.to_string(), units::go_duration),
        (Json::Number(n), Type::Any | Type::Float) => float_text(n),
        (Json::Number(n), _) => n.to_string(),
        (Json::Bool(b), _) => b.to_string(),
        (Json::String(text), _) => text.clone(),
        (Json::Array(items), kind) => join("[", items.iter().map(|item| format_element(item, kind.element())).collect(), "]"),
        (Json::Object(object), kind) => {
            let mut entries: Vec<_> = object.iter().collect();
            entries.sort_by(|a, b| a.0.cmp(b.0));
            let entries = entries.into_iter().map(|(key, value)| format!("{key}:{}", format_element(value, kind.element())));
            join("map[", entries.collect(), "]")
        }
    }
}

/// The same of what is in a list or a map, where JSON's `null` is nothing of the type.
fn format_element(json: &Json, kind: Type) -> String {
    if json.is_null() { format(&kind.zero(), kind, true) } else { format(json, kind, true) }
}

/// A time of JSON as Go prints it: `2026-11-22 03:09:30.5 +0000 UTC`.
pub fn time_text(text: &str) -> String {
    let Some((day, rest)) = text.split_once('T') else { return text.to_owned() };
    let Some(zone) = rest.find(['Z', '+', '-']) else { return text.to_owned() };
    let (time, zone) = rest.split_at(zone);
    let offset = zone.replace(':', "");
    let (offset, name) = if zone == "Z" { ("+0000", "UTC") } else { (offset.as_str(), offset.as_str()) };
    format!("{day} {time} {offset} {name}")
}

/// `%v` of a float64: the shortest form, in exponents from 21 on.
pub(super) fn float_text(n: &serde_json::Number) -> String {
    match n.as_f64() {
        Some(f) if f != 0.0 && (f.abs() >= 1e21 || f.abs() < 1e-4) => {
            let text = format!("{f:e}");
            match text.split_once('e') {
                Some((mantissa, exponent)) => match exponent.strip_prefix('-') {
                    Some(exponent) => format!("{mantissa}e-{exponent:0>2}"),
                    None => format!("{mantissa}e+{exponent:0>2}"),
                },
                None => text,
            }
        }
        Some(f) => f.to_string(),
        None => n.to_string(),
    }
}

/// JSON as Go encodes it, on one line; `html` writes `<`, `>` and `&` as escapes.
pub fn json_text(json: &Json, html: bool) -> String {
    let text = json.to_string().replace('\u{2028}', "\\u2028").replace('\u{2029}', "\\u2029");
    if html { text.replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026") } else { text }
}

/// An object whose keys are sorted, as Go encodes maps.
pub fn sorted_json<'a>(entries: impl IntoIterator<Item = (&'a str, Json)>) -> Json {
    let mut entries: Vec<_> = entries.into_iter().collect();
    entries.sort_by(|a, b| a.0.cmp(b.0));
    Json::Object(entries.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
}
