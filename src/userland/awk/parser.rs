//! Tokens to a program: rules, functions and statements. What names stand for is settled here.

use std::collections::HashMap;

use super::{
    ast::{Expr, From, Function, Kind, Program, Rule, SPECIAL, Slot, Stmt, To, When},
    lexer::{Fault, Token, UNEXPECTED, tokens},
};

/// How deep a program may nest: beyond this it is a slip, and would take all of the stack.
const DEEPEST: usize = 500;

/// How many operands may stand in a row.
const LONGEST: usize = 20_000;

const TOO_DEEP: &str = "Nested too deep";

pub type Parsed<T> = Result<T, Fault>;

/// Reads a program's sources, each with its fault's place among them.
pub fn parse(sources: &[Vec<u8>]) -> Result<(Program, Vec<u32>), (usize, Fault)> {
    let mut parser = Parser::default();
    parser.program.globals = SPECIAL.iter().map(|name| (*name).to_owned()).collect();
    parser.globals = SPECIAL.iter().enumerate().map(|(at, name)| ((*name).to_owned(), at)).collect();
    let mut first_lines = vec![];
    for (at, source) in sources.iter().enumerate() {
        // Lines go on from one source to the next, so that a line alone says which source it is of.
        let before = first_lines.last().map_or(0, |last| last + sources[at - 1].iter().filter(|byte| **byte == b'\n').count() as u32 + 1);
        first_lines.push(before);
        parser.tokens = tokens(source).map_err(|fault| (at, fault))?;
        parser.at = 0;
        parser.before = before;
        parser.rules().map_err(|fault| (at, fault))?;
    }
    Ok((parser.program, first_lines))
}

#[derive(Default)]
pub struct Parser {
    tokens: Vec<(Token, u32)>,
    at: usize,
    /// The lines of the sources before this.
    before: u32,
    program: Program,
    globals: HashMap<String, usize>,
    locals: HashMap<String, usize>,
    functions: HashMap<String, usize>,
    depth: usize,
    loops: usize,
    /// In the arguments of a bare `print` a `>` is a file's.
    pub in_print: bool,
}

impl Parser {
    pub fn token(&self) -> &Token {
        self.ahead(0)
    }

    pub fn ahead(&self, by: usize) -> &Token {
        self.tokens.get(self.at + by).map_or(&Token::Sign(""), |(token, _)| token)
    }

    pub fn advance(&mut self) {
        self.at += 1;
    }

    pub fn step_back(&mut self) {
        self.at -= 1;
    }

    pub fn is(&self, sign: &'static str) -> bool {
        *self.token() == Token::Sign(sign)
    }

    pub fn eat(&mut self, sign: &'static str) -> bool {
        let is = self.is(sign);
        self.at += usize::from(is);
        is
    }

    pub fn expect(&mut self, sign: &'static str) -> Parsed<()> {
        if self.eat(sign) { Ok(()) } else { self.unexpected() }
    }

    pub fn unexpected<T>(&self) -> Parsed<T> {
        self.fault(UNEXPECTED)
    }

    pub fn fault<T>(&self, text: &'static str) -> Parsed<T> {
        let line = self.tokens.get(self.at).or(self.tokens.last()).map_or(1, |(_, line)| *line);
        Err(Fault { line, text: text.into() })
    }

    /// One level deeper, as long as there is one.
    pub fn nested<T>(&mut self, read: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return self.fault(TOO_DEEP);
        }
        let read = read(self);
        self.depth -= 1;
        read
    }

    /// One more in a row of operands, each of which the tree is a level deeper for.
    pub fn longer(&self, row: &mut usize) -> Parsed<()> {
        *row += 1;
        if *row > LONGEST { self.fault(TOO_DEEP) } else { Ok(()) }
    }

    pub fn skip_lines(&mut self) {
        while self.eat("\n") {}
    }

    /// The place of a variable, made where there was none.
    pub fn slot(&mut self, name: &str) -> Slot {
        if let Some(local) = self.locals.get(name) {
            return Slot::Local(*local);
        }
        Slot::Global(*self.globals.entry(name.to_owned()).or_insert_with(|| {
            self.program.globals.push(name.to_owned());
            self.program.globals.len() - 1
        }))
    }

    /// The place of a function, which may come later.
    pub fn function(&mut self, name: &str) -> usize {
        *self.functions.entry(name.to_owned()).or_insert_with(|| {
            self.program.functions.push(Function::default());
            self.program.functions.len() - 1
        })
    }

    fn rules(&mut self) -> Parsed<()> {
        loop {
            while self.eat("\n") || self.eat(";") {}
            if self.is("") {
                return Ok(());
            }
            let line = self.line();
            if self.eat("function") {
                self.definition()?;
                continue;
            }
            let when = match () {
                () if self.eat("BEGIN") => When::Begin,
                () if self.eat("END") => When::End,
                () if self.is("{") => When::Always,
                () => {
                    let first = self.expression()?;
                    if self.eat(",") {
                        self.skip_lines();
                        let last = self.expression()?;
                        self.program.ranges += 1;
                        When::Range(first, last, self.program.ranges - 1)
                    } else {
                        When::If(first)
                    }
                }
            };
            let body = if self.is("{") { Some(self.block()?) } else { None };
            if body.is_none() && matches!(when, When::Begin | When::End) {
                return self.unexpected();
            }
            self.program.rules.push(Rule { when, line, body });
        }
    }

    fn line(&self) -> u32 {
        self.before + self.tokens.get(self.at).map_or(1, |(_, line)| *line)
    }

    fn definition(&mut self) -> Parsed<()> {
        let name = match self.token().clone() {
            Token::Name(name) | Token::Call(name) => name,
            _ => return self.unexpected(),
        };
        self.advance();
        self.expect("(")?;
        while let Token::Name(parameter) = self.token().clone() {
            self.advance();
            let place = self.locals.len();
            if self.locals.insert(parameter, place).is_some() {
                return self.fault("Duplicate parameter");
            }
            if !self.eat(",") {
                break;
            }
            self.skip_lines();
        }
        self.expect(")")?;
        self.skip_lines();
        let function = self.function(&name);
        let parameters = self.locals.len();
        let body = self.block()?;
        self.locals.clear();
        let function = &mut self.program.functions[function];
        if function.body.is_some() {
            return self.fault("Duplicate function");
        }
        *function = Function { parameters, body: Some(body) };
        Ok(())
    }

    fn block(&mut self) -> Parsed<Stmt> {
        let line = self.line();
        self.expect("{")?;
        let mut statements = vec![];
        loop {
            while self.eat("\n") || self.eat(";") {}
            if self.eat("}") {
                return Ok(Stmt { line, kind: Kind::Block(statements) });
            }
            statements.push(self.nested(Self::statement)?);
        }
    }

    /// The end of a simple statement; a brace that closes is left.
    fn end(&mut self) -> Parsed<()> {
        if self.eat(";") || self.eat("\n") || self.is("}") { Ok(()) } else { self.unexpected() }
    }

    /// What an `if` or a loop does, which may be nothing.
    fn body(&mut self) -> Parsed<Box<Stmt>> {
        let line = self.line();
        if self.eat(";") {
            return Ok(Box::new(Stmt { line, kind: Kind::Block(vec![]) }));
        }
        self.skip_lines();
        Ok(Box::new(self.nested(Self::statement)?))
    }

    fn loop_body(&mut self) -> Parsed<Box<Stmt>> {
        self.loops += 1;
        let body = self.body();
        self.loops -= 1;
        body
    }

    fn condition(&mut self) -> Parsed<Expr> {
        self.expect("(")?;
        let condition = self.expression()?;
        self.expect(")")?;
        Ok(condition)
    }

    fn statement(&mut self) -> Parsed<Stmt> {
        let line = self.line();
        if self.is("{") {
            return self.block();
        }
        let kind = if self.eat("if") {
            let condition = self.condition()?;
            let then = self.body()?;
            let here = self.at;
            while self.eat("\n") || self.eat(";") {}
            if self.eat("else") {
                Kind::If(condition, then, Some(self.body()?))
            } else {
                self.at = here;
                Kind::If(condition, then, None)
            }
        } else if self.eat("while") {
            let condition = self.condition()?;
            Kind::While(condition, self.loop_body()?)
        } else if self.eat("do") {
            let body = self.loop_body()?;
            while self.eat("\n") || self.eat(";") {}
            self.expect("while")?;
            let condition = self.condition()?;
            self.end()?;
            Kind::Do(body, condition)
        } else if self.eat("for") {
            self.for_loop()?
        } else {
            let simple = self.simple()?;
            self.end()?;
            simple
        };
        Ok(Stmt { line, kind })
    }

    fn for_loop(&mut self) -> Parsed<Kind> {
        self.expect("(")?;
        if let (Token::Name(variable), Token::Sign("in"), Token::Name(array), Token::Sign(")")) =
            (self.token().clone(), self.ahead(1), self.ahead(2).clone(), self.ahead(3))
        {
            self.at += 4;
            let (variable, array) = (self.slot(&variable), self.slot(&array));
            return Ok(Kind::Walk(variable, array, self.loop_body()?));
        }
        let part = |parser: &mut Self, end: &'static str| {
            if parser.is(end) {
                return Ok(None);
            }
            let line = parser.line();
            parser.simple().map(|kind| Some(Box::new(Stmt { line, kind })))
        };
        let first = part(self, ";")?;
        self.expect(";")?;
        self.skip_lines();
        let condition = if self.is(";") { None } else { Some(self.expression()?) };
        self.expect(";")?;
        self.skip_lines();
        let step = part(self, ")")?;
        self.expect(")")?;
        Ok(Kind::For(first, condition, step, self.loop_body()?))
    }

    fn simple(&mut self) -> Parsed<Kind> {
        let ends = |parser: &Self| matches!(parser.token(), Token::Sign(";" | "\n" | "}" | ")" | ""));
        let value = |parser: &mut Self| if ends(parser) { Ok(None) } else { parser.expression().map(Some) };
        let Token::Sign(word) = *self.token() else { return self.expression().map(Kind::Expr) };
        if !matches!(word, "print" | "printf" | "next" | "nextfile" | "exit" | "return" | "break" | "continue" | "delete") {
            return self.expression().map(Kind::Expr);
        }
        if matches!(word, "break" | "continue") && self.loops == 0 {
            return self.fault(if word == "break" { "'break' not in a loop" } else { "'continue' not in a loop" });
        }
        self.advance();
        Ok(match word {
            "print" | "printf" => {
                let (values, to) = self.output()?;
                if word == "print" {
                    Kind::Print(values, to)
                } else if values.is_empty() {
                    return self.unexpected();
                } else {
                    Kind::Printf(values, to)
                }
            }
            "next" => Kind::Next,
            "nextfile" => Kind::NextFile,
            "exit" => Kind::Exit(value(self)?),
            "return" => Kind::Return(value(self)?),
            "break" => Kind::Break,
            "continue" => Kind::Continue,
            _ => {
                let Token::Name(array) = self.token().clone() else { return self.unexpected() };
                self.advance();
                let array = self.slot(&array);
                if self.eat("[") {
                    let subscripts = self.list("]")?;
                    Kind::Delete(array, Some(subscripts))
                } else {
                    Kind::Delete(array, None)
                }
            }
        })
    }

    /// What `print` prints and where to.
    fn output(&mut self) -> Parsed<(Vec<Expr>, To)> {
        let outside = std::mem::replace(&mut self.in_print, true);
        let mut values = vec![];
        if !matches!(self.token(), Token::Sign(";" | "\n" | "}" | ">" | ">>" | "|" | "")) {
            loop {
                values.push(self.expression()?);
                if !self.eat(",") {
                    break;
                }
                self.skip_lines();
            }
        }
        // A list in brackets is the list, unless something follows it that makes it a part of a value.
        if let [Expr::Group(_)] = values[..]
            && let Some(Expr::Group(inner)) = values.pop()
        {
            values = inner;
        }
        let to = if self.eat(">") {
            To::File(self.concatenation()?)
        } else if self.eat(">>") {
            To::Append(self.concatenation()?)
        } else if self.eat("|") {
            To::Command(self.concatenation()?)
        } else {
            To::Output
        };
        self.in_print = outside;
        Ok((values, to))
    }

    /// Expressions up to the bracket that closes them, at least one.
    pub fn list(&mut self, close: &'static str) -> Parsed<Vec<Expr>> {
        let outside = std::mem::replace(&mut self.in_print, false);
        let mut values = vec![];
        loop {
            self.skip_lines();
            values.push(self.expression()?);
            self.skip_lines();
            if self.eat(close) {
                self.in_print = outside;
                return Ok(values);
            }
            self.expect(",")?;
        }
    }

    /// What follows `getline`: a variable or nothing, and for a bare one the file.
    pub fn getline(&mut self, command: Option<Expr>) -> Parsed<Expr> {
        let variable = match self.token() {
            Token::Name(_) | Token::Sign("$") => Some(Box::new(self.place()?)),
            _ => None,
        };
        let from = match command {
            Some(command) => From::Command(Box::new(command)),
            None if self.eat("<") => From::File(Box::new(self.primary()?)),
            None => From::Main,
        };
        Ok(Expr::Getline(from, variable))
    }
}
