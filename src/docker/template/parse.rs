//! Builds the tree of a template out of its tokens and checks names of functions and variables. It evaluates nothing.

use std::collections::BTreeMap;

use super::funcs;
use super::lex::{Spanned, Token, lex};

/// A parsed template.
#[derive(Debug, Clone)]
pub struct Template {
    pub(super) source: String,
    pub(super) nodes: Vec<Node>,
    /// What `define` and `block` gave names.
    pub(super) named: BTreeMap<String, Vec<Node>>,
}

#[derive(Debug, Clone)]
pub(super) enum Node {
    Text(String),
    Action(Pipe),
    If(Pipe, Vec<Node>, Vec<Node>),
    With(Pipe, Vec<Node>, Vec<Node>),
    Range(Pipe, Vec<Node>, Vec<Node>),
    Call(Call),
    Break,
    Continue,
}

/// `{{template "name" pipe}}`, or what a `block` leaves in its place.
#[derive(Debug, Clone)]
pub(super) struct Call {
    pub at: usize,
    pub name: String,
    pub pipe: Option<Pipe>,
}

/// `$a, $b := command | command`.
#[derive(Debug, Clone)]
pub(super) struct Pipe {
    pub at: usize,
    pub variables: Vec<String>,
    /// `=` and not `:=`.
    pub assigns: bool,
    pub commands: Vec<Command>,
}

/// An operand followed by its arguments.
#[derive(Debug, Clone)]
pub(super) struct Command {
    pub operands: Vec<Operand>,
}

#[derive(Debug, Clone)]
pub(super) struct Operand {
    pub at: usize,
    pub kind: OperandKind,
}

#[derive(Debug, Clone)]
pub(super) enum OperandKind {
    Dot,
    Nil,
    Bool(bool),
    Text(String),
    Number(String),
    Char(char),
    Function(String),
    /// `.a.b`
    Fields(Vec<String>),
    /// `$x.a.b`
    Variable(String, Vec<String>),
    /// `(pipe).a.b`
    Paren(Box<Pipe>, Vec<String>),
}

/// Parses `source`; an error is Go's, `template: :1: …`.
pub fn parse(source: &str) -> Result<Template, String> {
    let problem = |at: usize, text: String| format!("template: :{}: {text}", line_of(source, at));
    let tokens = lex(source).map_err(|(at, text)| problem(at, text))?;
    let mut parser =
        Parser { tokens: &tokens, next: 0, end: source.len(), variables: vec!["$".to_owned()], loops: 0, depth: 0, named: BTreeMap::new() };
    let (nodes, stop) = parser.list(Place::Top).map_err(|(at, text)| problem(at, text))?;
    if let Some((at, word)) = stop {
        return Err(problem(at, format!("unexpected {{{{{word}}}}}")));
    }
    Ok(Template { source: source.to_owned(), nodes, named: parser.named })
}

fn line_of(source: &str, at: usize) -> usize {
    source.as_bytes()[..at.min(source.len())].iter().filter(|b| **b == b'\n').count() + 1
}

type Fault = (usize, String);

struct Parser<'t> {
    tokens: &'t [Spanned],
    next: usize,
    end: usize,
    variables: Vec<String>,
    loops: usize,
    depth: usize,
    named: BTreeMap<String, Vec<Node>>,
}

/// Where a list of nodes stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// In no other, where templates may be defined.
    Top,
    /// Up to the `end` of something.
    Nested,
}

/// How many letters of a token messages show.
const LONGEST_SHOWN: usize = 10;

const KEYWORDS: &[&str] = &["block", "break", "continue", "define", "else", "end", "if", "range", "nil", "template", "with"];

/// How deep parentheses and blocks may be nested.
const DEEPEST: usize = 100;

/// `end` or `else`, where a list stopped.
type Stop = Option<(usize, String)>;

impl Parser<'_> {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.next).map(|s| &s.token)
    }

    fn at(&self) -> usize {
        self.tokens.get(self.next).map_or(self.end, |s| s.at)
    }

    fn skip_space(&mut self) {
        while self.peek() == Some(&Token::Space) {
            self.next += 1;
        }
    }

    /// Nodes up to `{{end}}`, `{{else}}` or the end of the source.
    fn list(&mut self, place: Place) -> Result<(Vec<Node>, Stop), Fault> {
        let mut nodes = Vec::new();
        loop {
            match self.peek().cloned() {
                None if place == Place::Nested => return Err((self.end, "unexpected EOF".to_owned())),
                None => return Ok((nodes, None)),
                Some(Token::Text(text)) => {
                    self.next += 1;
                    nodes.push(Node::Text(text));
                }
                Some(_) => {
                    self.next += 1;
                    self.skip_space();
                    let at = self.at();
                    let word = match self.peek() {
                        Some(Token::Word(word)) => word.clone(),
                        _ => String::new(),
                    };
                    match word.as_str() {
                        "if" | "with" | "range" => nodes.push(self.control(&word)?),
                        "end" => {
                            self.next += 1;
                            self.right("end")?;
                            return Ok((nodes, Some((at, word))));
                        }
                        "else" => {
                            self.next += 1;
                            return Ok((nodes, Some((at, word))));
                        }
                        "break" | "continue" => {
                            self.next += 1;
                            self.right(&format!("{{{{{word}}}}}"))?;
                            if self.loops == 0 {
                                return Err((at, format!("{{{{{word}}}}} outside {{{{range}}}}")));
                            }
                            nodes.push(if word == "break" { Node::Break } else { Node::Continue });
                        }
                        "define" if place == Place::Top => self.define()?,
                        "define" => return Err((at, format!("unexpected <{word}> in command"))),
                        "template" | "block" => nodes.push(Node::Call(self.call(&word)?)),
                        _ => {
                            let pipe = self.pipe("command", true)?;
                            nodes.push(Node::Action(pipe));
                        }
                    }
                }
            }
        }
    }

    /// `define "name"` up to its `end`.
    fn define(&mut self) -> Result<(), Fault> {
        self.next += 1;
        let name = self.template_name("define clause")?;
        self.right("define clause")?;
        self.body(name, "define clause")
    }

    /// `template "name" pipe`, or `block "name" pipe` up to its `end`, which defines what it calls.
    fn call(&mut self, word: &str) -> Result<Call, Fault> {
        let context = format!("{word} clause");
        self.next += 1;
        self.skip_space();
        let at = self.at();
        let name = self.template_name(&context)?;
        self.skip_space();
        if word == "template" && self.peek() == Some(&Token::Right) {
            self.next += 1;
            return Ok(Call { at, name, pipe: None });
        }
        let pipe = self.pipe(&context, true)?;
        if word == "block" {
            self.deeper(|parser| parser.body(name.clone(), &context))?;
        }
        Ok(Call { at, name, pipe: Some(pipe) })
    }

    fn template_name(&mut self, context: &str) -> Result<String, Fault> {
        self.skip_space();
        match self.peek().cloned() {
            Some(Token::Quoted(name)) => {
                self.next += 1;
                Ok(name)
            }
            _ => Err((self.at(), format!("unexpected {} in {context}", self.spelt()))),
        }
    }

    /// The nodes of a template that is called `name`; it sees no variables but its own.
    fn body(&mut self, name: String, context: &str) -> Result<(), Fault> {
        let variables = std::mem::replace(&mut self.variables, vec!["$".to_owned()]);
        let loops = std::mem::take(&mut self.loops);
        let (nodes, stop) = self.list(Place::Nested)?;
        self.variables = variables;
        self.loops = loops;
        if let Some((at, word)) = stop.filter(|(_, word)| word != "end") {
            return Err((at, format!("unexpected {{{{{word}}}}} in {context}")));
        }
        if !self.named.get(&name).is_none_or(|known| is_empty(known)) {
            if is_empty(&nodes) {
                return Ok(());
            }
            let name = super::super::units::quote(&name);
            return Err((self.at(), format!("template: multiple definition of template {name}")));
        }
        self.named.insert(name, nodes);
        Ok(())
    }

    /// The rest of an action that must be empty.
    fn right(&mut self, context: &str) -> Result<(), Fault> {
        self.skip_space();
        match self.peek() {
            Some(Token::Right) => {
                self.next += 1;
                Ok(())
            }
            _ => Err((self.at(), format!("unexpected {} in {context}", self.spelt()))),
        }
    }

    /// The next token as Go's messages show it: keywords as they are, all else quoted and cut.
    fn spelt(&self) -> String {
        use super::super::units::quote;
        let shown = |text: &str| match text.char_indices().nth(LONGEST_SHOWN) {
            Some((end, _)) => format!("{}...", quote(&text[..end])),
            None => quote(text),
        };
        match self.peek() {
            None => "EOF".to_owned(),
            Some(Token::Dot) => "<.>".to_owned(),
            Some(Token::Word(word)) if KEYWORDS.contains(&word.as_str()) => format!("<{word}>"),
            Some(Token::Word(text) | Token::Variable(text) | Token::Number(text) | Token::Text(text)) => shown(text),
            Some(Token::Field(name)) => shown(&format!(".{name}")),
            Some(Token::Quoted(text)) => shown(&quote(text)),
            Some(Token::Pipe) => shown("|"),
            Some(Token::Comma) => shown(","),
            Some(Token::Declare) => shown(":="),
            Some(Token::Assign) => shown("="),
            Some(Token::OpenParen) => shown("("),
            Some(Token::CloseParen) => shown(")"),
            Some(Token::Char(c)) => shown(&format!("'{c}'")),
            Some(Token::Right) => shown("}}"),
            Some(Token::Left) => shown("{{"),
            Some(Token::Space) => shown(" "),
        }
    }

    /// `if`, `with` or `range` up to its `end`.
    fn control(&mut self, word: &str) -> Result<Node, Fault> {
        self.deeper(|parser| parser.control_here(word))
    }

    fn control_here(&mut self, word: &str) -> Result<Node, Fault> {
        self.next += 1;
        let scope = self.variables.len();
        let pipe = self.pipe(word, true)?;
        if word == "range" {
            self.loops += 1;
        }
        let (body, stop) = self.list(Place::Nested)?;
        if word == "range" {
            self.loops -= 1;
        }
        let otherwise = match stop {
            Some((_, stop)) if stop == "else" => self.otherwise(word)?,
            _ => Vec::new(),
        };
        self.variables.truncate(scope);
        Ok(match word {
            "if" => Node::If(pipe, body, otherwise),
            "with" => Node::With(pipe, body, otherwise),
            _ => Node::Range(pipe, body, otherwise),
        })
    }

    fn otherwise(&mut self, word: &str) -> Result<Vec<Node>, Fault> {
        self.skip_space();
        if let Some(Token::Word(next)) = self.peek().cloned()
            && next == word
            && word != "range"
        {
            return Ok(vec![self.control(word)?]);
        }
        self.right("else")?;
        let (nodes, stop) = self.list(Place::Nested)?;
        match stop {
            Some((at, stop)) if stop == "else" => Err((at, "expected end; found {{else}}".to_owned())),
            _ => Ok(nodes),
        }
    }

    /// A pipeline up to `}}` (taken) or `)` (taken).
    fn pipe(&mut self, context: &str, braces: bool) -> Result<Pipe, Fault> {
        self.deeper(|parser| parser.pipe_here(context, braces))
    }

    fn deeper<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T, Fault>) -> Result<T, Fault> {
        if self.depth >= DEEPEST {
            return Err((self.at(), "the template is nested too deeply".to_owned()));
        }
        self.depth += 1;
        let result = read(self);
        self.depth -= 1;
        result
    }

    fn pipe_here(&mut self, context: &str, braces: bool) -> Result<Pipe, Fault> {
        self.skip_space();
        let start = self.at();
        let (variables, assigns) = self.declarations(context)?;
        let mut commands = Vec::new();
        loop {
            self.skip_space();
            let at = self.at();
            match self.peek() {
                Some(Token::Right) if braces => {
                    self.next += 1;
                    if commands.is_empty() {
                        return Err((at, format!("missing value for {context}")));
                    }
                    break;
                }
                Some(Token::CloseParen) if !braces => {
                    self.next += 1;
                    if commands.is_empty() {
                        return Err((at, "missing value for parenthesized pipeline".to_owned()));
                    }
                    break;
                }
                None => return Err((at, "unclosed action".to_owned())),
                _ => {
                    let command = self.command(context)?;
                    if !commands.is_empty() && !callable(&command) {
                        let n = commands.len() + 1;
                        return Err((at, format!("non executable command in pipeline stage {n}")));
                    }
                    commands.push(command);
                    self.skip_space();
                    if self.peek() == Some(&Token::Pipe) {
                        self.next += 1;
                        self.skip_space();
                        if matches!(self.peek(), Some(Token::Right | Token::CloseParen)) {
                            return Err((at, format!("missing value for {context}")));
                        }
                    }
                }
            }
        }
        for name in &variables {
            if !assigns {
                self.variables.push(name.clone());
            }
        }
        Ok(Pipe { at: start, variables, assigns, commands })
    }

    fn declarations(&mut self, context: &str) -> Result<(Vec<String>, bool), Fault> {
        let start = self.next;
        let mut names = Vec::new();
        while let Some(Token::Variable(name)) = self.peek().cloned() {
            self.next += 1;
            self.skip_space();
            names.push(name);
            match self.peek() {
                Some(Token::Declare) => {
                    self.next += 1;
                    return Ok((names, false));
                }
                Some(Token::Assign) => {
                    self.next += 1;
                    return Ok((names, true));
                }
                Some(Token::Comma) if context == "range" && names.len() < 2 => {
                    self.next += 1;
                    self.skip_space();
                }
                _ => break,
            }
        }
        self.next = start;
        Ok((Vec::new(), false))
    }

    fn command(&mut self, context: &str) -> Result<Command, Fault> {
        let mut operands = Vec::new();
        loop {
            self.skip_space();
            match self.peek() {
                None | Some(Token::Right | Token::CloseParen | Token::Pipe) => break,
                _ => operands.push(self.operand(if operands.is_empty() { context } else { "operand" })?),
            }
        }
        if operands.is_empty() {
            return Err((self.at(), format!("unexpected {} in {context}", self.spelt())));
        }
        Ok(Command { operands })
    }

    fn operand(&mut self, context: &str) -> Result<Operand, Fault> {
        let mut at = self.at();
        let Some(token) = self.peek().cloned() else { return Err((at, "unclosed action".to_owned())) };
        self.next += 1;
        let mut kind = match token {
            Token::Dot => OperandKind::Dot,
            Token::Field(name) => OperandKind::Fields(vec![name]),
            Token::Variable(name) => {
                if !self.variables.contains(&name) {
                    return Err((at, format!("undefined variable {}", super::super::units::quote(&name))));
                }
                OperandKind::Variable(name, Vec::new())
            }
            Token::Word(word) => match word.as_str() {
                "true" => OperandKind::Bool(true),
                "false" => OperandKind::Bool(false),
                "nil" => OperandKind::Nil,
                name if funcs::exists(name) => OperandKind::Function(word),
                name => return Err((at, format!("function {} not defined", super::super::units::quote(name)))),
            },
            Token::Quoted(text) => OperandKind::Text(text),
            Token::Number(text) => {
                if text.parse::<f64>().is_err() && super::super::units::parse_int(&text).is_none() {
                    return Err((at, format!("bad number syntax: {}", super::super::units::quote(&text))));
                }
                OperandKind::Number(text)
            }
            Token::Char(c) => OperandKind::Char(c),
            Token::OpenParen => OperandKind::Paren(Box::new(self.pipe("parenthesized pipeline", false)?), Vec::new()),
            _ => {
                self.next -= 1;
                return Err((at, format!("unexpected {} in {context}", self.spelt())));
            }
        };
        let mut first = true;
        while let Some(Token::Field(name)) = self.peek().cloned() {
            if first {
                at = self.at();
                first = false;
            }
            self.next += 1;
            match &mut kind {
                OperandKind::Fields(names) | OperandKind::Variable(_, names) | OperandKind::Paren(_, names) => names.push(name),
                OperandKind::Dot => return Err((at, format!("unexpected . after term {}", super::super::units::quote(".")))),
                _ => return Err((at, "unexpected . after term".to_owned())),
            }
        }
        Ok(Operand { at, kind })
    }
}

/// Whether a template gives nothing but blanks.
fn is_empty(nodes: &[Node]) -> bool {
    nodes.iter().all(|node| matches!(node, Node::Text(text) if text.trim().is_empty()))
}

/// Whether a command may stand behind a `|`.
fn callable(command: &Command) -> bool {
    match &command.operands[0].kind {
        OperandKind::Dot
        | OperandKind::Nil
        | OperandKind::Bool(_)
        | OperandKind::Text(_)
        | OperandKind::Number(_)
        | OperandKind::Char(_) => false,
        OperandKind::Function(_) | OperandKind::Fields(_) | OperandKind::Variable(..) | OperandKind::Paren(..) => true,
    }
}
