//! Evaluates a parsed template over one value. Bounded by the value's own size: it loops over nothing else.

use serde_json::Value as Json;

use super::funcs::{self, Fault};
use super::parse::{Call, Command, Node, Operand, OperandKind, Pipe, Template};
use super::types::Type;
use super::value::Value;
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
    let strict = matches!(dot, Value::Json(_, Type::Raw));
    let mut state = State { template, name: "", out: String::new(), variables, header, strict, depth: 0, here: Spot::Start };
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
    /// Whether what a map does not have is an error.
    strict: bool,
    /// What was last looked at: messages about values name it.
    here: Spot<'t>,
    /// How many lists of nodes are being walked, one within another.
    depth: usize,
}

/// How deep templates may call one another: Go's stack grows and takes more calls, and its message says how many.
const DEEPEST: usize = 500;
const DEEPEST_OF_GO: usize = 100_000;

/// A place in a template.
#[derive(Clone, Copy)]
enum Spot<'t> {
    Start,
    Pipe(&'t Pipe),
    Operand(&'t Operand),
}

impl Spot<'_> {
    fn at(self) -> usize {
        match self {
            Spot::Start => 0,
            Spot::Pipe(pipe) => pipe.at,
            Spot::Operand(operand) => operand.at,
        }
    }

    fn text(self) -> String {
        match self {
            Spot::Start => String::new(),
            Spot::Pipe(pipe) => pipe_text(pipe),
            Spot::Operand(operand) => operand_text(operand),
        }
    }
}

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

    /// A fault of what was last looked at.
    fn fault_here(&self, text: impl AsRef<str>) -> String {
        self.fault(self.here.at(), &self.here.text(), text)
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

    fn range(&mut self, pipe: &'t Pipe, body: &'t [Node], otherwise: &'t [Node], dot: &Value) -> Result<Flow, String> {
        let value = self.commands(pipe, dot)?.followed();
        let scope = self.variables.len();
        let element = |kind: Type, item: &Json| Value::Json(if item.is_null() { kind.zero() } else { item.clone() }, kind);
        let items: Vec<(Json, Value)> = match &value {
            Value::Json(Json::Array(list), kind) => {
                list.iter().enumerate().map(|(i, item)| (Json::from(i), element(kind.element(), item))).collect()
            }
            Value::Json(Json::Object(map), kind @ (Type::Map(_) | Type::Keyed(..))) => {
                let mut entries: Vec<_> = map.iter().collect();
                entries.sort_by(|a, b| a.0.cmp(b.0));
                entries.into_iter().map(|(key, item)| (Json::from(key.as_str()), element(kind.element(), item))).collect()
            }
            Value::Json(Json::Number(n), Type::Int) => {
                (0..n.as_u64().unwrap_or(0).min(1 << 20)).map(|i| (Json::from(i), Value::plain(Json::from(i)))).collect()
            }
            Value::Missing | Value::Json(Json::Null, Type::List(_) | Type::Map(_) | Type::Keyed(..)) => Vec::new(),
            other => return Err(self.fault_here(format!("range can't iterate over {}", other.verb()))),
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

    fn pipe(&mut self, pipe: &'t Pipe, dot: &Value) -> Result<Value, String> {
        let value = self.commands(pipe, dot)?;
        for name in &pipe.variables {
            self.bind(name, value.clone(), pipe.assigns);
        }
        Ok(value)
    }

    /// The value of a pipeline, which no variable is given.
    fn commands(&mut self, pipe: &'t Pipe, dot: &Value) -> Result<Value, String> {
        self.here = Spot::Pipe(pipe);
        let mut value = None;
        for command in &pipe.commands {
            value = Some(self.command(command, dot, value.take())?.unboxed());
        }
        Ok(value.unwrap_or(Value::Missing))
    }

    fn command(&mut self, command: &'t Command, dot: &Value, last: Option<Value>) -> Result<Value, String> {
        let Some((first, rest)) = command.operands.split_first() else { return Ok(Value::Missing) };
        let takes_args = !rest.is_empty() || last.is_some();
        // A pipeline in parentheses that is given arguments is refused in the name of the pipeline around it.
        if !matches!(&first.kind, OperandKind::Paren(_, names) if names.is_empty()) {
            self.here = Spot::Operand(first);
        }
        match &first.kind {
            OperandKind::Function(name) => self.function(name, first, rest, dot, last),
            OperandKind::Fields(names) => {
                let args = self.arguments(rest, dot, last)?;
                self.here = Spot::Operand(first);
                self.fields(dot.clone(), names, &args)
            }
            OperandKind::Variable(name, names) if !names.is_empty() => {
                let args = self.arguments(rest, dot, last)?;
                self.here = Spot::Operand(first);
                self.fields(self.variable(name), names, &args)
            }
            OperandKind::Paren(inner, names) if !names.is_empty() => {
                let value = self.pipe(inner, dot)?;
                let args = self.arguments(rest, dot, last)?;
                self.fields(value, names, &args)
            }
            _ if takes_args => Err(self.fault_here(format!("can't give argument to non-function {}", operand_text(first)))),
            OperandKind::Nil => Err(self.fault_here("nil is not a command")),
            _ => self.operand(first, dot),
        }
    }

    fn arguments(&mut self, operands: &'t [Operand], dot: &Value, last: Option<Value>) -> Result<Vec<Value>, String> {
        let mut args = Vec::with_capacity(operands.len() + 1);
        for operand in operands {
            args.push(self.operand(operand, dot)?);
        }
        args.extend(last);
        Ok(args)
    }

    /// Calls a function, which stands at `first`, with the operands that follow it and what came through the pipe.
    fn function(&mut self, name: &str, first: &'t Operand, rest: &'t [Operand], dot: &Value, last: Option<Value>) -> Result<Value, String> {
        let whole = || std::iter::once(first).chain(rest).map(operand_text).collect::<Vec<_>>().join(" ");
        let count = rest.len() + usize::from(last.is_some());
        funcs::check_arity(name, count).map_err(|text| self.fault(first.at, name, text))?;
        if matches!(name, "and" | "or") {
            let mut value = Value::Missing;
            for operand in rest {
                value = self.operand(operand, dot)?.unboxed();
                if value.truth() == (name == "or") {
                    return Ok(value);
                }
            }
            return Ok(last.unwrap_or(value));
        }
        let args = self.arguments(rest, dot, last)?;
        if name == "call" {
            // Nothing that a template can name here is a function.
            let callee = rest.first().map_or_else(|| args[0].print(), operand_text);
            let why = match args[0].clone().unboxed() {
                Value::Missing => "call of nil".to_owned(),
                value => format!("non-function {callee} of type {}", value.type_name()),
            };
            return Err(self.fault(first.at, &whole(), format!("error calling call: {why}")));
        }
        funcs::call(name, &args, self.header).map_err(|fault| match fault {
            Fault::Call(text) => self.fault(first.at, &whole(), format!("error calling {name}: {text}")),
            Fault::Argument(i, text) => match rest.get(i) {
                Some(operand) => self.fault(operand.at, &operand_text(operand), text),
                None => self.fault(first.at, name, text),
            },
        })
    }

    fn variable(&self, name: &str) -> Value {
        self.variables.iter().rev().find(|(n, _)| n == name).map_or(Value::Missing, |(_, v)| v.clone())
    }

    fn operand(&mut self, operand: &'t Operand, dot: &Value) -> Result<Value, String> {
        self.here = Spot::Operand(operand);
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
            OperandKind::Function(name) => self.function(name, operand, &[], dot, None)?,
            OperandKind::Fields(names) => self.fields(dot.clone(), names, &[])?,
            OperandKind::Variable(name, names) => self.fields(self.variable(name), names, &[])?,
            OperandKind::Paren(pipe, names) => {
                let value = self.pipe(pipe, dot)?;
                self.fields(value, names, &[])?
            }
        })
    }

    /// Follows a chain of fields; the last may be a method with arguments.
    fn fields(&self, mut value: Value, names: &[String], args: &[Value]) -> Result<Value, String> {
        for (i, name) in names.iter().enumerate() {
            let args = if i + 1 == names.len() { args } else { &[] };
            value = self.field(&value, name, args).map_err(|text| self.fault_here(text))?;
        }
        Ok(value)
    }

    fn field(&self, value: &Value, name: &str, args: &[Value]) -> Result<Value, String> {
        let no_field = || Err(format!("can't evaluate field {name} in type {}", value.type_name()));
        let (json, kind) = match value {
            Value::Missing if self.strict => return Err(format!("nil data; no entry for key {}", units::quote(name))),
            Value::Missing => return Ok(Value::Missing),
            Value::Subject(subject) => {
                let plain: Vec<Json> = args.iter().map(Value::to_json).collect();
                return subject.call(name, &plain)?.map_or_else(no_field, Ok);
            }
            Value::Json(json, kind) => (json, *kind),
        };
        let nothing = serde_json::Map::new();
        let object = json.as_object().unwrap_or(&nothing);
        if json.is_null() {
            match kind {
                // Such a pointer would have the field if it led anywhere, or leads to something without fields.
                Type::Pointer(to) if matches!(to, Type::Struct(_)) && to.field(object, name).is_none() => return no_field(),
                Type::Pointer(_) | Type::Any | Type::Raw | Type::Boxed(_) => {
                    return Err(format!("nil pointer evaluating {}.{name}", kind.name()));
                }
                _ => {}
            }
        }
        match kind.behind() {
            behind @ Type::Struct(_) => match behind.field(object, name) {
                None => no_field(),
                Some(_) if !args.is_empty() => Err(format!("{name} has arguments but cannot be invoked as function")),
                Some((json, kind)) => Ok(Value::Json(json, kind)),
            },
            Type::Open(_) => object.get(name).map_or_else(no_field, |json| Ok(Value::Json(json.clone(), Type::Any))),
            Type::Any | Type::Raw if !json.is_object() => no_field(),
            behind @ (Type::Map(_) | Type::Any | Type::Raw) => match object.get(name) {
                _ if !args.is_empty() => Err(format!("{name} is not a method but has arguments")),
                Some(Json::Null) => Ok(Value::Json(behind.element().zero(), behind.element())),
                Some(json) => Ok(Value::Json(json.clone(), behind.element())),
                None if self.strict => Err(format!("map has no entry for key {}", units::quote(name))),
                None => Ok(Value::Missing),
            },
            _ => no_field(),
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
    let variables = match pipe.variables.join(", ") {
        none if none.is_empty() => none,
        names => format!("{names} {} ", if pipe.assigns { "=" } else { ":=" }),
    };
    variables + &pipe.commands.iter().map(command_text).collect::<Vec<_>>().join(" | ")
}
