//! Evaluates a parsed template over one value. Bounded by the value's own size: it loops over nothing else.

use serde_json::Value as Json;

use super::funcs::{self, Fault};
use super::parse::{Call, Command, Node, Operand, OperandKind, Pipe, Template};
use super::value::{Shape, Value, lookup, shape_in, shape_of};
use crate::docker::units;

/// Runs `template` over `dot` and gives its text. In a table's `header` row the functions that change texts leave them alone.
/// An error is Go's, `template: :1:8: executing "" at <.X>: …`.
pub fn execute(template: &Template, dot: &Value, header: bool) -> Result<String, String> {
    let (text, fault) = execute_far(template, dot, header);
    fault.map_or(Ok(text), Err)
}

/// The same, with what was written before an error.
pub fn execute_far(template: &Template, dot: &Value, header: bool) -> (String, Option<String>) {
    let variables = vec![("$".to_owned(), dot.clone())];
    let mut state = State { template, name: "", out: String::new(), variables, header, depth: 0 };
    let fault = state.walk(&template.nodes, dot).err();
    (state.out, fault)
}

struct State<'t> {
    template: &'t Template,
    /// The template that is being run: none of the named ones at first.
    name: &'t str,
    out: String,
    variables: Vec<(String, Value)>,
    header: bool,
    /// How many lists of nodes are being walked, one within another.
    depth: usize,
}

/// How deep templates may call one another: Go's stack grows and takes more calls, and its message says how many.
const DEEPEST: usize = 500;
const DEEPEST_OF_GO: usize = 100_000;

/// How a list of nodes ended.
enum Flow {
    Done,
    Break,
    Continue,
}

impl<'t> State<'t> {
    fn fault(&self, at: usize, context: &str, text: impl AsRef<str>) -> String {
        let before = &self.template.source.as_bytes()[..at.min(self.template.source.len())];
        let line = before.iter().filter(|b| **b == b'\n').count() + 1;
        let column = before.len() - before.iter().rposition(|b| *b == b'\n').map_or(0, |i| i + 1);
        format!("template: :{line}:{column}: executing {} at <{context}>: {}", units::quote(self.name), text.as_ref())
    }

    fn walk(&mut self, nodes: &'t [Node], dot: &Value) -> Result<Flow, String> {
        self.depth += 1;
        let flow = self.walk_here(nodes, dot);
        self.depth -= 1;
        flow
    }

    fn walk_here(&mut self, nodes: &'t [Node], dot: &Value) -> Result<Flow, String> {
        for node in nodes {
            match node {
                Node::Text(text) => self.out.push_str(text),
                Node::Action(pipe) => {
                    let value = self.pipe(pipe, dot)?;
                    if pipe.variables.is_empty() {
                        self.out.push_str(&value.print());
                    }
                }
                Node::If(pipe, body, otherwise) | Node::With(pipe, body, otherwise) => {
                    let scope = self.variables.len();
                    let value = self.pipe(pipe, dot)?;
                    let inner = if matches!(node, Node::With(..)) { &value } else { dot };
                    let flow = if value.truth() { self.walk(body, inner)? } else { self.walk(otherwise, dot)? };
                    self.variables.truncate(scope);
                    if !matches!(flow, Flow::Done) {
                        return Ok(flow);
                    }
                }
                Node::Range(pipe, body, otherwise) => {
                    let scope = self.variables.len();
                    let flow = self.range(pipe, body, otherwise, dot)?;
                    self.variables.truncate(scope);
                    if !matches!(flow, Flow::Done) {
                        return Ok(flow);
                    }
                }
                Node::Call(call) => self.call(call, dot)?,
                Node::Break => return Ok(Flow::Break),
                Node::Continue => return Ok(Flow::Continue),
            }
        }
        Ok(Flow::Done)
    }

    /// Runs a named template, which sees what it is given and no variables of who calls it.
    fn call(&mut self, call: &'t Call, dot: &Value) -> Result<(), String> {
        let template = self.template;
        let context = || match &call.pipe {
            Some(pipe) => format!("{{{{template {} {}}}}}", units::quote(&call.name), pipe_text(pipe)),
            None => format!("{{{{template {}}}}}", units::quote(&call.name)),
        };
        let Some((name, nodes)) = template.named.get_key_value(&call.name) else {
            return Err(self.fault(call.at, &context(), format!("template {} not defined", units::quote(&call.name))));
        };
        if self.depth >= DEEPEST {
            return Err(self.fault(call.at, &context(), format!("exceeded maximum template depth ({DEEPEST_OF_GO})")));
        }
        let given = match &call.pipe {
            Some(pipe) => self.pipe(pipe, dot)?,
            None => Value::Missing,
        };
        let variables = std::mem::replace(&mut self.variables, vec![("$".to_owned(), given.clone())]);
        let caller = std::mem::replace(&mut self.name, name);
        self.walk(nodes, &given)?;
        self.name = caller;
        self.variables = variables;
        Ok(())
    }

    fn range(&mut self, pipe: &Pipe, body: &'t [Node], otherwise: &'t [Node], dot: &Value) -> Result<Flow, String> {
        let scope = self.variables.len();
        let bare = Pipe { variables: Vec::new(), assigns: false, commands: pipe.commands.clone() };
        let value = self.pipe(&bare, dot)?;
        let items: Vec<(Json, Value)> = match &value {
            Value::Json(Json::Array(list), _) => {
                list.iter().enumerate().map(|(i, item)| (Json::from(i), Value::engine(item.clone()))).collect()
            }
            Value::Json(Json::Object(map), shape) if !shape.is_struct() || !map.is_empty() => {
                let mut entries: Vec<_> = map.iter().collect();
                entries.sort_by(|a, b| a.0.cmp(b.0));
                entries.into_iter().map(|(key, item)| (Json::from(key.as_str()), Value::Json(item.clone(), shape_of(key)))).collect()
            }
            Value::Json(Json::Number(n), _) => {
                (0..n.as_u64().unwrap_or(0).min(1 << 20)).map(|i| (Json::from(i), Value::plain(Json::from(i)))).collect()
            }
            Value::Missing | Value::Json(Json::Null, _) => Vec::new(),
            Value::Json(Json::Object(_), _) => Vec::new(),
            other => {
                let at = pipe.commands.first().map_or(0, |c| c.operands[0].at);
                return Err(self.fault(at, &pipe_text(&bare), format!("range can't iterate over {}", other.print())));
            }
        };
        if items.is_empty() {
            return self.walk(otherwise, dot);
        }
        for (key, item) in items {
            match pipe.variables.as_slice() {
                [one] => self.bind(one, item.clone(), pipe.assigns),
                [index, one] => {
                    self.bind(index, Value::plain(key), pipe.assigns);
                    self.bind(one, item.clone(), pipe.assigns);
                }
                _ => {}
            }
            let flow = self.walk(body, &item)?;
            self.variables.truncate(scope);
            if matches!(flow, Flow::Break) {
                break;
            }
        }
        Ok(Flow::Done)
    }

    fn bind(&mut self, name: &str, value: Value, assigns: bool) {
        if assigns && let Some(slot) = self.variables.iter_mut().rev().find(|(n, _)| n == name) {
            slot.1 = value;
        } else {
            self.variables.push((name.to_owned(), value));
        }
    }

    fn pipe(&mut self, pipe: &Pipe, dot: &Value) -> Result<Value, String> {
        let mut value = None;
        for command in &pipe.commands {
            value = Some(self.command(command, dot, value.take())?);
        }
        let value = value.unwrap_or(Value::Missing);
        for name in &pipe.variables {
            self.bind(name, value.clone(), pipe.assigns);
        }
        Ok(value)
    }

    fn command(&mut self, command: &Command, dot: &Value, last: Option<Value>) -> Result<Value, String> {
        let first = &command.operands[0];
        let rest = &command.operands[1..];
        if let OperandKind::Function(name) = &first.kind {
            return self.function(name, command, dot, last);
        }
        let takes_args = !rest.is_empty() || last.is_some();
        match &first.kind {
            OperandKind::Fields(names) => {
                let args = self.arguments(rest, dot, last)?;
                self.fields(first, dot.clone(), names, &args)
            }
            OperandKind::Variable(name, names) if !names.is_empty() => {
                let args = self.arguments(rest, dot, last)?;
                let value = self.variable(name);
                self.fields(first, value, names, &args)
            }
            OperandKind::Paren(inner, names) if !names.is_empty() => {
                let value = self.pipe(inner, dot)?;
                let args = self.arguments(rest, dot, last)?;
                self.fields(first, value, names, &args)
            }
            _ if takes_args => {
                Err(self.fault(first.at, &operand_text(first), format!("can't give argument to non-function {}", operand_text(first))))
            }
            OperandKind::Nil => Err(self.fault(first.at, "nil", "nil is not a command")),
            _ => self.operand(first, dot),
        }
    }

    fn arguments(&mut self, operands: &[Operand], dot: &Value, last: Option<Value>) -> Result<Vec<Value>, String> {
        let mut args = Vec::with_capacity(operands.len() + 1);
        for operand in operands {
            args.push(self.operand(operand, dot)?);
        }
        args.extend(last);
        Ok(args)
    }

    fn function(&mut self, name: &str, command: &Command, dot: &Value, last: Option<Value>) -> Result<Value, String> {
        let first = &command.operands[0];
        let count = command.operands.len() - 1 + usize::from(last.is_some());
        funcs::check_arity(name, count).map_err(|text| self.fault(first.at, name, text))?;
        if matches!(name, "and" | "or") {
            let mut value = Value::Missing;
            for operand in &command.operands[1..] {
                value = self.operand(operand, dot)?;
                if value.truth() == (name == "or") {
                    return Ok(value);
                }
            }
            return Ok(last.unwrap_or(value));
        }
        let args = self.arguments(&command.operands[1..], dot, last)?;
        if name == "call" {
            // Nothing that a template can name here is a function.
            let callee = command.operands.get(1).map_or_else(|| args[0].print(), operand_text);
            let why = match &args[0] {
                Value::Missing => "call of nil".to_owned(),
                value => format!("non-function {callee} of type {}", value.type_name()),
            };
            return Err(self.fault(first.at, &command_text(command), format!("error calling call: {why}")));
        }
        funcs::call(name, &args, self.header).map_err(|fault| match fault {
            Fault::Call(text) => self.fault(first.at, &command_text(command), format!("error calling {name}: {text}")),
            Fault::Argument(i, text) => match command.operands.get(i + 1) {
                Some(operand) => self.fault(operand.at, &operand_text(operand), text),
                None => self.fault(first.at, name, text),
            },
        })
    }

    fn variable(&self, name: &str) -> Value {
        self.variables.iter().rev().find(|(n, _)| n == name).map_or(Value::Missing, |(_, v)| v.clone())
    }

    fn operand(&mut self, operand: &Operand, dot: &Value) -> Result<Value, String> {
        Ok(match &operand.kind {
            OperandKind::Dot => dot.clone(),
            OperandKind::Nil => Value::Missing,
            OperandKind::Bool(b) => Value::plain(Json::Bool(*b)),
            OperandKind::Text(text) => Value::plain(Json::String(text.clone())),
            OperandKind::Char(c) => Value::plain(Json::from(*c as u32)),
            OperandKind::Number(text) => Value::plain(match units::parse_int(text) {
                Some(i) => Json::from(i),
                None => Json::from(text.parse::<f64>().unwrap_or(0.0)),
            }),
            OperandKind::Function(name) => {
                let command = Command { operands: vec![Operand { at: operand.at, kind: OperandKind::Function(name.clone()) }] };
                self.function(name, &command, dot, None)?
            }
            OperandKind::Fields(names) => self.fields(operand, dot.clone(), names, &[])?,
            OperandKind::Variable(name, names) => {
                let value = self.variable(name);
                self.fields(operand, value, names, &[])?
            }
            OperandKind::Paren(pipe, names) => {
                let value = self.pipe(pipe, dot)?;
                self.fields(operand, value, names, &[])?
            }
        })
    }

    /// Follows a chain of fields; the last may be a method with arguments.
    fn fields(&self, operand: &Operand, mut value: Value, names: &[String], args: &[Value]) -> Result<Value, String> {
        // A field that the engine left out has no fields of its own.
        let mut absent: Option<&str> = None;
        // A row's fields are texts, where those of an object may be anything.
        let mut of_row = false;
        for (i, name) in names.iter().enumerate() {
            if of_row && matches!(value, Value::Json(Json::String(_), _)) {
                let text = format!("can't evaluate field {name} in type string");
                return Err(self.fault(operand.at, &operand_text(operand), text));
            }
            of_row = matches!(value, Value::Subject(_));
            if let (Some(absent), Value::Json(Json::Null, _)) = (absent, &value) {
                let text = format!("map has no entry for key {}", units::quote(absent));
                return Err(self.fault(operand.at, &operand_text(operand), text));
            }
            absent =
                matches!(&value, Value::Json(Json::Object(map), shape) if shape.is_struct() && !map.contains_key(name)).then_some(name);
            let last = i + 1 == names.len();
            let args: &[Value] = if last { args } else { &[] };
            value = self.field(&value, name, args).map_err(|text| self.fault(operand.at, &operand_text(operand), text))?;
        }
        Ok(value)
    }

    fn field(&self, value: &Value, name: &str, args: &[Value]) -> Result<Value, String> {
        let with_args = || format!("{name} has arguments but cannot be invoked as function");
        match value {
            Value::Subject(subject) => {
                let plain: Vec<Json> = args.iter().map(Value::to_json).collect();
                match subject.call(name, &plain)? {
                    // A column without a header.
                    Some(Json::Null) if self.header => Ok(Value::Missing),
                    Some(json) => Ok(Value::Json(json, shape_of(name))),
                    None => Err(format!("can't evaluate field {name} in type {}", subject.type_name())),
                }
            }
            Value::Json(Json::Object(map), shape) => {
                if !args.is_empty() {
                    return Err(with_args());
                }
                match if shape.is_struct() { lookup(map, *shape, name) } else { map.get(name).cloned() } {
                    Some(json) => Ok(Value::Json(json, shape_in(map, name))),
                    None if *shape == Shape::Map => Ok(Value::Missing),
                    None => Err(format!("map has no entry for key {}", units::quote(name))),
                }
            }
            Value::Json(Json::Null, Shape::Map) => Ok(Value::Missing),
            Value::Missing | Value::Json(Json::Null, _) => Err(format!("nil data; no entry for key {}", units::quote(name))),
            Value::Json(..) => Err(format!("can't evaluate field {name} in type interface {{}}")),
        }
    }
}

fn operand_text(operand: &Operand) -> String {
    let chain = |names: &[String]| names.iter().map(|n| format!(".{n}")).collect::<String>();
    match &operand.kind {
        OperandKind::Dot => ".".to_owned(),
        OperandKind::Nil => "nil".to_owned(),
        OperandKind::Bool(b) => b.to_string(),
        OperandKind::Text(text) => units::quote(text),
        OperandKind::Char(c) => format!("'{c}'"),
        OperandKind::Number(text) => text.clone(),
        OperandKind::Function(name) => name.clone(),
        OperandKind::Fields(names) => chain(names),
        OperandKind::Variable(name, names) => format!("{name}{}", chain(names)),
        OperandKind::Paren(pipe, names) => format!("({}){}", pipe_text(pipe), chain(names)),
    }
}

fn command_text(command: &Command) -> String {
    command.operands.iter().map(operand_text).collect::<Vec<_>>().join(" ")
}

fn pipe_text(pipe: &Pipe) -> String {
    pipe.commands.iter().map(command_text).collect::<Vec<_>>().join(" | ")
}
