//! A JSON value given to serde as Go's decoder would take it; an error names the field and the type as Go does.

use std::fmt::{self, Display};

use serde::de::value::StrDeserializer;
use serde::de::{self, DeserializeSeed, IntoDeserializer, MapAccess, SeqAccess, Visitor};
use serde::forward_to_deserialize_any;
use serde_json::Value;

use super::naming;
use crate::image::go_kind;

/// What is wrong, in Go's words.
#[derive(Debug)]
pub struct Told(pub String);

impl Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Told {}

impl de::Error for Told {
    fn custom<T: Display>(message: T) -> Self {
        Told(message.to_string())
    }
}

/// Where a value stands: the structure that it is in, and the names of the fields on the way there.
#[derive(Clone)]
struct Place {
    structure: &'static str,
    path: Vec<&'static str>,
}

pub struct Decoder<'a> {
    value: &'a Value,
    place: Place,
    /// What Go calls the whole, as long as nothing in it has been entered.
    whole: Option<&'static str>,
    /// Whether it is the field itself, not something in its list or map.
    field: bool,
}

impl<'a> Decoder<'a> {
    pub fn new(value: &'a Value, name: &'static str) -> Self {
        Decoder { value, place: Place { structure: name, path: Vec::new() }, whole: Some(name), field: false }
    }

    /// The error of a value that is none of type `wanted`.
    fn mismatch(&self, wanted: &str) -> Told {
        self.error(go_kind(self.value), wanted)
    }

    fn error(&self, found: &str, wanted: &str) -> Told {
        let Place { structure, path } = &self.place;
        let named = path.last().filter(|_| self.field).and_then(|field| naming::of_field(structure, field));
        let wanted = named.unwrap_or(wanted);
        let place = match path.as_slice() {
            [] => "Go value".to_owned(),
            path => format!("Go struct field {structure}.{}", path.join(".")),
        };
        Told(format!("json: cannot unmarshal {found} into {place} of type {wanted}"))
    }

    /// A whole number within these bounds.
    fn integer(&self, wanted: &str, least: i128, most: i128) -> Result<i128, Told> {
        let number = match self.value {
            Value::Null => return Ok(0),
            Value::Number(number) => number,
            _ => return Err(self.mismatch(wanted)),
        };
        let whole = number.as_i64().map(i128::from).or_else(|| number.as_u64().map(i128::from));
        whole.filter(|n| (least..=most).contains(n)).ok_or_else(|| self.error(&format!("number {number}"), wanted))
    }

    fn elements<V: Visitor<'a>>(self, visitor: V, wanted: impl FnOnce(V) -> String) -> Result<V::Value, Told> {
        let rest = match self.value {
            Value::Null => [].iter(),
            Value::Array(all) => all.iter(),
            _ => return Err(self.mismatch(&wanted(visitor))),
        };
        visitor.visit_seq(Elements { rest, place: self.place })
    }
}

macro_rules! integers {
    ($($method:ident $visit:ident $kind:ty, $name:literal;)*) => {$(
        fn $method<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Told> {
            let number = self.integer($name, <$kind>::MIN.into(), <$kind>::MAX.into())?;
            // It is within these bounds.
            visitor.$visit(<$kind>::try_from(number).unwrap_or_default())
        }
    )*};
}

impl<'a> de::Deserializer<'a> for Decoder<'a> {
    type Error = Told;

    integers! {
        deserialize_i8 visit_i8 i8, "int8";
        deserialize_i16 visit_i16 i16, "int16";
        deserialize_i32 visit_i32 i32, "int32";
        deserialize_i64 visit_i64 i64, "int64";
        deserialize_u8 visit_u8 u8, "uint8";
        deserialize_u16 visit_u16 u16, "uint16";
        deserialize_u32 visit_u32 u32, "uint32";
        deserialize_u64 visit_u64 u64, "uint64";
    }

    fn deserialize_any<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Told> {
        self.value.deserialize_any(visitor).map_err(de::Error::custom)
    }

    fn deserialize_option<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Told> {
        if self.value.is_null() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_bool<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Told> {
        match self.value {
            Value::Null => visitor.visit_bool(false),
            Value::Bool(yes) => visitor.visit_bool(*yes),
            _ => Err(self.mismatch("bool")),
        }
    }

    fn deserialize_str<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Told> {
        match self.value {
            Value::Null => visitor.visit_str(""),
            Value::String(text) => visitor.visit_borrowed_str(text),
            _ => Err(self.mismatch("string")),
        }
    }

    fn deserialize_string<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Told> {
        self.deserialize_str(visitor)
    }

    fn deserialize_seq<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Told> {
        self.elements(visitor, |visitor| format!("[]{}", naming::of_element(visitor, false)))
    }

    fn deserialize_tuple<V: Visitor<'a>>(self, length: usize, visitor: V) -> Result<V::Value, Told> {
        self.elements(visitor, |visitor| format!("[{length}]{}", naming::of_element(visitor, false)))
    }

    fn deserialize_map<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Told> {
        let fields = match self.value {
            Value::Null => None,
            Value::Object(fields) => Some(fields.iter()),
            _ => return Err(self.mismatch(&format!("map[string]{}", naming::of_element(visitor, true)))),
        };
        visitor.visit_map(Entries { rest: fields.into_iter().flatten(), value: None, place: self.place })
    }

    fn deserialize_struct<V: Visitor<'a>>(self, name: &'static str, known: &'static [&'static str], visitor: V) -> Result<V::Value, Told> {
        let name = self.whole.unwrap_or(name);
        let fields = match self.value {
            Value::Null => None,
            Value::Object(fields) => Some(fields.iter()),
            _ => return Err(self.mismatch(&naming::of_structure(name))),
        };
        let place = Place { structure: name, path: self.place.path };
        visitor.visit_map(Fields { rest: fields.into_iter().flatten(), known, next: None, place })
    }

    fn deserialize_newtype_struct<V: Visitor<'a>>(self, _: &'static str, visitor: V) -> Result<V::Value, Told> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_ignored_any<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Told> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! { <W: Visitor<'a>> i128 u128 f32 f64 char bytes byte_buf unit unit_struct tuple_struct enum identifier }
}

/// A list.
struct Elements<'a> {
    rest: std::slice::Iter<'a, Value>,
    place: Place,
}

impl<'a> SeqAccess<'a> for Elements<'a> {
    type Error = Told;

    fn next_element_seed<T: DeserializeSeed<'a>>(&mut self, seed: T) -> Result<Option<T::Value>, Told> {
        let Some(value) = self.rest.next() else { return Ok(None) };
        seed.deserialize(Decoder { value, place: self.place.clone(), whole: None, field: false }).map(Some)
    }
}

/// A map with whatever keys.
struct Entries<'a, I> {
    rest: I,
    value: Option<&'a Value>,
    place: Place,
}

impl<'a, I: Iterator<Item = (&'a String, &'a Value)>> MapAccess<'a> for Entries<'a, I> {
    type Error = Told;

    fn next_key_seed<K: DeserializeSeed<'a>>(&mut self, seed: K) -> Result<Option<K::Value>, Told> {
        let Some((key, value)) = self.rest.next() else { return Ok(None) };
        self.value = Some(value);
        seed.deserialize(IntoDeserializer::<Told>::into_deserializer(key.as_str())).map(Some)
    }

    fn next_value_seed<T: DeserializeSeed<'a>>(&mut self, seed: T) -> Result<T::Value, Told> {
        let value = self.value.take().unwrap_or(&Value::Null);
        seed.deserialize(Decoder { value, place: self.place.clone(), whole: None, field: false })
    }
}

/// A structure's fields.
struct Fields<'a, I> {
    rest: I,
    known: &'static [&'static str],
    next: Option<(&'static str, &'a Value)>,
    place: Place,
}

impl<'a, I: Iterator<Item = (&'a String, &'a Value)>> MapAccess<'a> for Fields<'a, I> {
    type Error = Told;

    fn next_key_seed<K: DeserializeSeed<'a>>(&mut self, seed: K) -> Result<Option<K::Value>, Told> {
        for (key, value) in self.rest.by_ref() {
            let exact = self.known.iter().find(|name| *name == key);
            let Some(name) = exact.or_else(|| self.known.iter().find(|name| name.eq_ignore_ascii_case(key))) else { continue };
            self.next = Some((name, value));
            return seed.deserialize(StrDeserializer::<Told>::new(name)).map(Some);
        }
        Ok(None)
    }

    fn next_value_seed<T: DeserializeSeed<'a>>(&mut self, seed: T) -> Result<T::Value, Told> {
        let Some((name, value)) = self.next.take() else { return Err(de::Error::custom("a value without a name")) };
        let mut place = self.place.clone();
        place.path.push(name);
        seed.deserialize(Decoder { value, place, whole: None, field: true })
    }
}
