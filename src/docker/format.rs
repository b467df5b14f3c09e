//! `--format` for commands that print rows: tables with headers, JSON lines, templates. Rows know their fields; this lays them out.

use std::rc::Rc;

use serde_json::Value as Json;

use super::failure::Failure;
use super::table::{self, DOCKER};
use super::template::types::Type;
use super::template::{self, Subject, Value, sorted_json};
use super::zone::go_time;

/// What a row type is called and how its columns are headed.
pub struct RowKind {
    /// Go's type name, for messages.
    pub type_name: &'static str,
    /// Each field with its header; a field without one has the empty text.
    pub fields: &'static [(&'static str, &'static str)],
    /// How messages about templates start; they differ from command to command.
    pub parse_error: &'static str,
    pub execute_error: &'static str,
    /// What `raw` means, where it means something.
    pub raw: &'static str,
}

impl RowKind {
    /// The first word of a raw row.
    fn raw_id(&self) -> &'static str {
        self.raw.split(':').next().unwrap_or_default()
    }
}

/// One row: its fields' values, and labels where it has them.
#[derive(Clone)]
pub struct Row {
    pub kind: &'static RowKind,
    pub values: Vec<(&'static str, Json)>,
    /// For the method `.Label "name"`; `None` where the row has no such method.
    pub labels: Option<Json>,
    /// The whole as JSON, where it is not just the fields.
    pub json: Option<Json>,
    /// When it was made, in seconds since 1970: the field `CreatedAt`, written out when a template asks for it, for only then
    /// the machine's time zone has to be read.
    pub created: Option<i64>,
}

impl Row {
    /// All fields with their values.
    fn fields(&self) -> impl Iterator<Item = (&'static str, Json)> {
        self.values.iter().cloned().chain(self.created.map(|at| (CREATED_AT, Json::from(go_time(at)))))
    }
}

/// The field of [`Row::created`].
const CREATED_AT: &str = "CreatedAt";

impl Subject for Row {
    fn type_name(&self) -> &str {
        self.kind.type_name
    }

    fn call(&self, name: &str, args: &[Json]) -> Result<Option<Value>, String> {
        if name == "Label"
            && let Some(labels) = &self.labels
        {
            return match args {
                [Json::String(key)] => Ok(Some(Value::plain(labels.get(key).cloned().unwrap_or_else(|| Json::from(""))))),
                _ => Err(format!("wrong number of args for Label: want 1 got {}", args.len())),
            };
        }
        let value = match self.values.iter().find(|(field, _)| *field == name) {
            Some((_, value)) => Some(value.clone()),
            None => self.created.filter(|_| name == CREATED_AT).map(|at| Json::from(go_time(at))),
        };
        match value {
            Some(_) if !args.is_empty() => Err(format!("wrong number of args for {name}: want 0 got {}", args.len())),
            Some(Json::Null) => Ok(Some(Value::Json(Json::Null, PLATFORM))),
            value => Ok(value.map(Value::plain)),
        }
    }

    fn json(&self) -> Json {
        self.json.clone().unwrap_or_else(|| sorted_json(self.fields()))
    }
}

/// The type of a container's platform, the only field that may be nothing.
const PLATFORM: Type = Type::Pointer(&Type::Open("formatter.Platform"));

/// The header row of a table.
struct Header {
    kind: &'static RowKind,
}

impl Subject for Header {
    fn type_name(&self) -> &str {
        "formatter.SubHeaderContext"
    }

    fn call(&self, name: &str, args: &[Json]) -> Result<Option<Value>, String> {
        if name == "Label" {
            let key = args.first().and_then(Json::as_str).unwrap_or_default();
            let last = key.rsplit('.').next().unwrap_or_default();
            return Ok(Some(Value::plain(Json::from(last.replace(['-', '_'], " ")))));
        }
        let header = self.kind.fields.iter().find(|(field, header)| *field == name && !header.is_empty()).map(|(_, header)| *header);
        // A column without a header is none.
        Ok(Some(header.map_or(Value::Missing, |header| Value::plain(Json::from(header)))))
    }

    fn json(&self) -> Json {
        sorted_json(self.kind.fields.iter().map(|(name, header)| (*name, Json::from(*header))))
    }
}

/// A format, ready for rows.
pub struct Format {
    template: template::Template,
    table: bool,
    kind: &'static RowKind,
}

impl Format {
    /// Reads `--format`; `table` is the template of the plain table, without the word `table`.
    pub fn new(kind: &'static RowKind, given: &str, table: &str, quiet: Option<&str>) -> Result<Format, Failure> {
        let (text, is_table) = match given {
            "" | "table" => match quiet {
                Some(quiet) => (quiet.to_owned(), false),
                None => (table.to_owned(), true),
            },
            "json" => ("{{json .}}".to_owned(), false),
            "raw" if !kind.raw.is_empty() => {
                (quiet.map_or_else(|| kind.raw.to_owned(), |quiet| format!("{}: {quiet}", kind.raw_id())), false)
            }
            _ => match given.strip_prefix("table") {
                Some(rest) => (rest.to_owned(), true),
                None => (given.to_owned(), false),
            },
        };
        let text = text.trim_matches(' ').replace("\\t", "\t").replace("\\n", "\n");
        let template = template::parse(&text).map_err(|e| Failure::new(format!("{}: {e}", kind.parse_error)))?;
        Ok(Format { template, table: is_table, kind })
    }

    /// The text of all rows; what came before an error is given with it.
    pub fn render(&self, rows: impl IntoIterator<Item = Row>) -> Result<String, Failure> {
        let mut body = String::new();
        for row in rows {
            let value = Value::Subject(Rc::new(row));
            let text =
                template::execute(&self.template, &value, false).map_err(|e| Failure::new(format!("{}: {e}", self.kind.execute_error)))?;
            body.push_str(&text);
            body.push('\n');
        }
        if !self.table {
            return Ok(body);
        }
        let header = Value::Subject(Rc::new(Header { kind: self.kind }));
        let mut text = template::execute(&self.template, &header, true).unwrap_or_default();
        text.push('\n');
        text.push_str(&body);
        Ok(table::align(&text, DOCKER))
    }
}
