//! Docker's objects as its client has them once it has read them into Go's types: which fields a type has, in which order, what each is
//! called in JSON and in a template, and what it is when an engine did not send it. A template sees these fields and no others. The tables
//! stand in files by what they are of; here is what is read from them. It reads no JSON and prints nothing.

use serde_json::{Map, Value as Json};

pub mod client;
pub mod container;
pub mod image;
pub mod mount;
pub mod network;
pub mod system;

/// What Go's type of a value is: it decides how the value prints, what it is when it is not there, and what may be asked of it.
#[derive(Clone, Copy)]
pub enum Type {
    Bool,
    Int,
    Float,
    Text,
    /// A text of a type that has a name of its own.
    Word(&'static str),
    /// Which JSON has as a text, and Go prints in another form.
    Time,
    /// Which JSON has as a number of nanoseconds.
    Duration,
    Pointer(&'static Type),
    List(&'static Type),
    Map(&'static Type),
    /// A map whose keys are of a type of their own, by its name and that of its keys: no text of a template is such a key.
    Keyed(&'static str, &'static str, &'static Type),
    Struct(&'static Struct),
    /// `interface {}` with a value of a known type in it.
    Boxed(&'static Type),
    /// `interface {}` with what JSON has in it.
    Any,
    /// The same where a template is run a second time, on what was sent and not on a type: what is not there is an error then, and numbers
    /// are texts.
    Raw,
    /// A type of which only the name is known: its fields are those that are there.
    Open(&'static str),
}

pub static BOOL: Type = Type::Bool;
pub static INT: Type = Type::Int;
pub static TEXT: Type = Type::Text;
pub static TEXTS: Type = Type::List(&TEXT);
pub static ANY: Type = Type::Any;
pub static RAW: Type = Type::Raw;

/// Go's time before all others.
const NO_TIME: &str = "0001-01-01T00:00:00Z";

/// What an object is as a text.
type Shown = fn(&Map<String, Json>) -> String;

/// One of Go's structs.
pub struct Struct {
    pub name: &'static str,
    pub fields: &'static [Field],
    /// Whether JSON has its fields by their names and not in the order of the type.
    sorted: bool,
    /// How a pointer to it prints, where that is a text of its own.
    pub shown: Option<Shown>,
}

impl Struct {
    const fn new(name: &'static str, fields: &'static [Field]) -> Struct {
        Struct { name, fields, sorted: false, shown: None }
    }

    const fn sorted(self) -> Struct {
        Struct { sorted: true, ..self }
    }

    const fn shown(self, shown: Shown) -> Struct {
        Struct { shown: Some(shown), ..self }
    }
}

/// What a field is to its struct.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Manner {
    Usual,
    /// Its own fields are the struct's, too, and in JSON nothing else.
    Inlined,
    /// It has all that JSON has and no other field is for.
    Rest,
    /// It is not in JSON.
    Hidden,
}

pub struct Field {
    pub name: &'static str,
    json: &'static str,
    pub kind: Type,
    /// Whether JSON leaves it out where it is empty.
    omitted: bool,
    manner: Manner,
}

const fn field(name: &'static str, kind: Type) -> Field {
    Field { name, json: name, kind, omitted: false, manner: Manner::Usual }
}

const fn text(name: &'static str) -> Field {
    field(name, Type::Text)
}

const fn word(name: &'static str, kind: &'static str) -> Field {
    field(name, Type::Word(kind))
}

const fn int(name: &'static str) -> Field {
    field(name, Type::Int)
}

const fn flag(name: &'static str) -> Field {
    field(name, Type::Bool)
}

const fn time(name: &'static str) -> Field {
    field(name, Type::Time)
}

const fn texts(name: &'static str) -> Field {
    field(name, Type::List(&TEXT))
}

const fn labels(name: &'static str) -> Field {
    field(name, Type::Map(&TEXT))
}

const fn list(name: &'static str, of: &'static Type) -> Field {
    field(name, Type::List(of))
}

const fn map(name: &'static str, of: &'static Type) -> Field {
    field(name, Type::Map(of))
}

const fn pointer(name: &'static str, to: &'static Type) -> Field {
    field(name, Type::Pointer(to))
}

const fn object(name: &'static str, of: &'static Struct) -> Field {
    field(name, Type::Struct(of))
}

impl Field {
    /// With another name in JSON.
    const fn json(self, json: &'static str) -> Field {
        Field { json, ..self }
    }

    const fn omitted(self) -> Field {
        Field { omitted: true, ..self }
    }

    const fn inlined(self) -> Field {
        Field { manner: Manner::Inlined, ..self }
    }

    const fn rest(self) -> Field {
        Field { manner: Manner::Rest, ..self }
    }

    const fn hidden(self) -> Field {
        Field { manner: Manner::Hidden, ..self }
    }

    /// Its value in an object of `of`.
    pub fn value(&self, object: &Map<String, Json>, of: &Struct) -> Json {
        match self.manner {
            Manner::Usual => object.get(self.json).filter(|value| !value.is_null()).cloned().unwrap_or_else(|| self.kind.zero()),
            Manner::Inlined => Json::Object(object.clone()),
            Manner::Rest => {
                let known = |key: &str| of.fields.iter().any(|field| field.manner == Manner::Usual && field.json == key);
                let rest: Map<_, _> =
                    object.iter().filter(|(key, _)| !known(key)).map(|(key, value)| (key.clone(), value.clone())).collect();
                if rest.is_empty() { Json::Null } else { Json::Object(rest) }
            }
            Manner::Hidden => self.kind.zero(),
        }
    }
}

impl Type {
    /// Go's name of it, for messages.
    pub fn name(self) -> String {
        match self {
            Type::Bool => "bool".to_owned(),
            Type::Int => "int".to_owned(),
            Type::Float => "float64".to_owned(),
            Type::Text => "string".to_owned(),
            Type::Time => "time.Time".to_owned(),
            Type::Duration => "time.Duration".to_owned(),
            Type::Pointer(to) => format!("*{}", to.name()),
            Type::List(of) => format!("[]{}", of.name()),
            Type::Map(of) => format!("map[string]{}", of.name()),
            Type::Struct(of) => of.name.to_owned(),
            Type::Boxed(_) | Type::Any | Type::Raw => "interface {}".to_owned(),
            Type::Keyed(name, ..) | Type::Open(name) | Type::Word(name) => name.to_owned(),
        }
    }

    /// What Go has where nothing was sent.
    pub fn zero(self) -> Json {
        match self {
            Type::Bool => Json::Bool(false),
            Type::Int | Type::Float | Type::Duration => Json::from(0),
            Type::Text | Type::Word(_) => Json::from(""),
            Type::Time => Json::from(NO_TIME),
            Type::Struct(_) => Json::Object(Map::new()),
            Type::Pointer(_) | Type::List(_) | Type::Map(_) | Type::Keyed(..) | Type::Boxed(_) | Type::Any | Type::Raw | Type::Open(_) => {
                Json::Null
            }
        }
    }

    /// What a pointer or an interface leads to.
    pub fn behind(self) -> Type {
        match self {
            Type::Pointer(to) | Type::Boxed(to) => to.behind(),
            other => other,
        }
    }

    /// The type of what is in a list or a map.
    pub fn element(self) -> Type {
        match self.behind() {
            Type::List(of) | Type::Map(of) | Type::Keyed(_, _, of) => *of,
            Type::Raw => Type::Raw,
            _ => Type::Any,
        }
    }

    /// The field of this name, by itself or in a struct whose fields count as this one's, with what it has in `object`.
    pub fn field(self, object: &Map<String, Json>, name: &str) -> Option<(Json, Type)> {
        let Type::Struct(of) = self.behind() else { return None };
        if let Some(field) = of.fields.iter().find(|field| field.name == name) {
            return Some((field.value(object, of), field.kind));
        }
        of.fields.iter().filter(|field| field.manner == Manner::Inlined).find_map(|field| field.kind.field(object, name))
    }
}

/// A value as Go's encoder writes it.
pub fn encode(json: &Json, kind: Type) -> Json {
    match (json, kind.behind()) {
        (Json::Array(items), kind) => items.iter().map(|item| encode(item, kind.element())).collect(),
        (Json::Object(object), Type::Struct(of)) => {
            let mut fields = Map::new();
            encode_fields(object, of, &mut fields);
            if of.sorted {
                fields.sort_keys();
            }
            Json::Object(fields)
        }
        // As it was sent: which of its fields are those of maps nobody knows.
        (Json::Object(_), Type::Open(_)) => json.clone(),
        (Json::Object(object), kind) => {
            let mut entries: Map<_, _> = object.iter().map(|(key, value)| (key.clone(), encode(value, kind.element()))).collect();
            entries.sort_keys();
            Json::Object(entries)
        }
        // In a list or a map.
        (Json::Null, _) => kind.zero(),
        (other, _) => other.clone(),
    }
}

fn encode_fields(object: &Map<String, Json>, of: &Struct, into: &mut Map<String, Json>) {
    for field in of.fields {
        match field.manner {
            Manner::Inlined => {
                if let Type::Struct(of) = field.kind.behind() {
                    encode_fields(object, of, into);
                }
            }
            Manner::Rest => into.extend(field.value(object, of).as_object().cloned().into_iter().flatten()),
            Manner::Hidden => {}
            Manner::Usual => {
                let value = field.value(object, of);
                if !(field.omitted && is_empty(&value, field.kind)) {
                    into.insert(field.json.to_owned(), encode(&value, field.kind));
                }
            }
        }
    }
}

/// What JSON leaves out where it may.
fn is_empty(value: &Json, kind: Type) -> bool {
    match (value, kind) {
        (Json::Null, _) => true,
        (_, Type::Pointer(_) | Type::Boxed(_) | Type::Struct(_) | Type::Time) => false,
        (Json::Bool(b), _) => !b,
        (Json::Number(n), _) => n.as_f64() == Some(0.0),
        (Json::String(s), _) => s.is_empty(),
        (Json::Array(list), _) => list.is_empty(),
        (Json::Object(map), _) => map.is_empty(),
    }
}
