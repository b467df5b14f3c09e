//! Runs a program: rules over records, statements, expressions.

use std::{cell::RefCell, rc::Rc};

use super::{
    array::Array,
    ast::{self, Comparison, Expr, From, Operator, Program, Slot, When},
    input::Input,
    record::{Record, Splitter},
    regex::{Regex, Regexes},
    streams::{Separator, Streams},
    value::{Cell, Text, Value},
};

/// What ends a statement early.
#[derive(Debug)]
pub enum Stop {
    Break,
    Continue,
    Next,
    NextFile,
    Exit,
    Return(Value),
    /// Something that a program must not do; said at the line that is running.
    Fatal(String),
    /// The same, but the line has nothing to do with it.
    Plain(String),
}

pub type Run<T> = Result<T, Stop>;

/// How deep functions may call.
const DEEPEST: usize = 20_000;

/// Where a value can be put.
pub enum Place {
    Variable(Slot),
    Element(Rc<RefCell<Array>>, Text),
    Field(usize),
}

/// A program that runs.
pub struct Interp<'a> {
    pub program: &'a Program,
    pub globals: Vec<Cell>,
    /// The variables of all functions that are running, the innermost last.
    locals: Vec<Cell>,
    frame: usize,
    depth: usize,
    pub record: Record,
    pub splitter: Splitter,
    pub separator: Separator,
    pub regexes: Regexes,
    pub streams: Streams,
    pub input: Input,
    pub line: u32,
    pub status: u8,
    pub random: super::builtins::Random,
    pub ranges: Vec<bool>,
}

impl<'a> Interp<'a> {
    pub fn new(program: &'a Program) -> Self {
        let mut globals = vec![Cell::Scalar(Value::Unset); program.globals.len()];
        for (slot, text) in [
            (ast::FS, " "),
            (ast::OFS, " "),
            (ast::RS, "\n"),
            (ast::ORS, "\n"),
            (ast::SUBSEP, "\x1c"),
            (ast::CONVFMT, "%.6g"),
            (ast::OFMT, "%.6g"),
        ] {
            globals[slot] = Cell::Scalar(Value::text(text.as_bytes()));
        }
        for slot in [ast::NR, ast::FNR, ast::RSTART] {
            globals[slot] = Cell::Scalar(Value::Number(0.0));
        }
        globals[ast::RLENGTH] = Cell::Scalar(Value::Number(-1.0));
        Self {
            program,
            globals,
            locals: vec![],
            frame: 0,
            depth: 0,
            record: Record::default(),
            splitter: Splitter::Blanks,
            separator: Separator::Byte(b'\n'),
            regexes: Regexes::default(),
            streams: Streams::new(),
            input: Input::default(),
            line: 0,
            status: 0,
            random: super::builtins::Random::default(),
            ranges: vec![false; program.ranges],
        }
    }

    /// BEGIN, the records, END. Whether it came to its end without a fault.
    pub fn run(&mut self) -> Run<()> {
        let mut exits = false;
        for rule in self.program.rules.iter().filter(|rule| matches!(rule.when, When::Begin)) {
            match rule.body.as_ref().map_or(Ok(()), |body| self.execute(body)) {
                Err(Stop::Exit) => {
                    exits = true;
                    break;
                }
                Err(stop @ (Stop::Fatal(_) | Stop::Plain(_))) => return Err(stop),
                _ => {}
            }
        }
        let reads = self.program.rules.iter().any(|rule| !matches!(rule.when, When::Begin));
        if reads && !exits {
            match self.records() {
                Err(Stop::Exit) => {}
                Err(stop @ (Stop::Fatal(_) | Stop::Plain(_))) => return Err(stop),
                _ => {}
            }
        }
        for rule in self.program.rules.iter().filter(|rule| matches!(rule.when, When::End)) {
            match rule.body.as_ref().map_or(Ok(()), |body| self.execute(body)) {
                Err(Stop::Exit) => break,
                Err(stop @ (Stop::Fatal(_) | Stop::Plain(_))) => return Err(stop),
                _ => {}
            }
        }
        Ok(())
    }

    fn records(&mut self) -> Run<()> {
        while let Some(record) = self.next_record()? {
            self.set_record(record);
            self.count_record();
            match self.rules() {
                Err(Stop::NextFile) => self.input.leave(),
                Err(Stop::Next) | Ok(()) => {}
                Err(stop) => return Err(stop),
            }
        }
        Ok(())
    }

    fn rules(&mut self) -> Run<()> {
        for rule in &self.program.rules {
            self.line = rule.line;
            let applies = match &rule.when {
                When::Begin | When::End => false,
                When::Always => true,
                When::If(condition) => self.value(condition)?.is_true(),
                When::Range(first, last, at) => {
                    let begins = self.ranges[*at] || self.value(first)?.is_true();
                    self.ranges[*at] = begins && !self.value(last)?.is_true();
                    begins
                }
            };
            match &rule.body {
                Some(body) if applies => self.execute(body)?,
                None if applies => {
                    let mut line = self.whole().to_vec();
                    line.extend_from_slice(&self.special(ast::ORS));
                    self.streams.print(&line).map_err(|error| fault(&error))?;
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Makes `text` the record.
    pub fn set_record(&mut self, text: Vec<u8>) {
        let lines = matches!(self.separator, Separator::Paragraph);
        self.record.set(Text::from(text), &self.splitter, lines);
    }

    fn count_record(&mut self) {
        for slot in [ast::NR, ast::FNR] {
            let number = self.global(slot).number() + 1.0;
            self.globals[slot] = Cell::Scalar(Value::Number(number));
        }
    }

    /// A special variable's text.
    pub fn special(&self, slot: usize) -> Text {
        self.global(slot).to_text(b"%.6g")
    }

    pub fn global(&self, slot: usize) -> Value {
        match &self.globals[slot] {
            Cell::Scalar(value) => value.clone(),
            Cell::Array(_) => Value::Unset,
        }
    }

    pub fn text_of(&self, value: &Value) -> Text {
        match value {
            Value::Number(_) => value.to_text(&self.special(ast::CONVFMT)),
            other => other.to_text(b""),
        }
    }

    /// `$0`.
    pub fn whole(&mut self) -> Text {
        let (ofs, convfmt) = (self.special(ast::OFS), self.special(ast::CONVFMT));
        self.record.text(&ofs, &convfmt)
    }

    fn cell(&mut self, slot: Slot) -> &mut Cell {
        match slot {
            Slot::Global(at) => &mut self.globals[at],
            Slot::Local(at) => &mut self.locals[self.frame + at],
        }
    }

    pub fn is_array(&mut self, slot: Slot) -> bool {
        matches!(self.cell(slot), Cell::Array(_))
    }

    /// The array under a name, made where there was none.
    pub fn array(&mut self, slot: Slot) -> Rc<RefCell<Array>> {
        let cell = self.cell(slot);
        if let Cell::Array(array) = cell {
            return Rc::clone(array);
        }
        let array = Rc::<RefCell<Array>>::default();
        *cell = Cell::Array(Rc::clone(&array));
        array
    }

    /// Sets a variable; those that mean something take effect.
    pub fn set(&mut self, slot: Slot, value: Value) -> Run<()> {
        if let Slot::Global(at) = slot {
            if at == ast::OFS {
                // What has changed was to be joined by the old one.
                self.whole();
            }
            if at < ast::SPECIAL.len() {
                self.globals[at] = Cell::Scalar(value);
                return self.take_effect(at);
            }
        }
        *self.cell(slot) = Cell::Scalar(value);
        Ok(())
    }

    fn take_effect(&mut self, slot: usize) -> Run<()> {
        let any_case = self.global(ast::IGNORECASE).is_true();
        match slot {
            ast::NF => {
                let count = self.global(ast::NF).number();
                if count < 0.0 {
                    return Err(Stop::Fatal("Access to negative field".into()));
                }
                self.record.resize(count as usize).map_err(Stop::Fatal)?;
            }
            ast::FS | ast::IGNORECASE => {
                let separator = self.special(ast::FS);
                self.splitter = Splitter::of(&separator, &mut self.regexes, any_case).map_err(Stop::Plain)?;
            }
            ast::RS => {
                self.separator = match &*self.special(ast::RS) {
                    b"" => Separator::Paragraph,
                    [byte] => Separator::Byte(*byte),
                    pattern => Separator::Regex(self.regexes.get(pattern, any_case).map_err(Stop::Plain)?),
                };
            }
            _ => {}
        }
        Ok(())
    }

    /// What subscripts amount to.
    pub fn key(&mut self, subscripts: &'a [Expr]) -> Run<Text> {
        if let [only] = subscripts {
            let value = self.value(only)?;
            return Ok(self.text_of(&value));
        }
        let mut key = vec![];
        for (at, subscript) in subscripts.iter().enumerate() {
            if at > 0 {
                key.extend_from_slice(&self.special(ast::SUBSEP));
            }
            let value = self.value(subscript)?;
            key.extend_from_slice(&self.text_of(&value));
        }
        Ok(Text::from(key))
    }

    pub fn place(&mut self, expr: &'a Expr) -> Run<Place> {
        match expr {
            Expr::Element(slot, subscripts) => {
                let key = self.key(subscripts)?;
                Ok(Place::Element(self.array(*slot), key))
            }
            Expr::Field(of) => Ok(Place::Field(self.field_number(of)?)),
            Expr::Variable(slot) => Ok(Place::Variable(*slot)),
            _ => Err(Stop::Fatal(super::lexer::UNEXPECTED.into())),
        }
    }

    fn field_number(&mut self, of: &'a Expr) -> Run<usize> {
        let number = self.value(of)?.number();
        if number <= -1.0 { Err(Stop::Fatal("Access to negative field".into())) } else { Ok(number as usize) }
    }

    pub fn load(&mut self, place: &Place) -> Value {
        match place {
            Place::Variable(Slot::Global(ast::NF)) => Value::Number(self.record.count() as f64),
            Place::Variable(slot) => match self.cell(*slot) {
                Cell::Scalar(value) => value.clone(),
                Cell::Array(_) => Value::Unset,
            },
            Place::Element(array, key) => array.borrow_mut().entry(key).clone(),
            Place::Field(0) => Value::Input(self.whole()),
            Place::Field(at) => self.record.field(*at),
        }
    }

    pub fn store(&mut self, place: &Place, value: Value) -> Run<()> {
        match place {
            Place::Variable(slot) => self.set(*slot, value)?,
            Place::Element(array, key) => *array.borrow_mut().entry(key) = value,
            Place::Field(0) => {
                let text = self.text_of(&value).to_vec();
                self.set_record(text);
            }
            Place::Field(at) => self.record.set_field(*at, value).map_err(Stop::Fatal)?,
        }
        Ok(())
    }

    /// The expression that a value is taken for where one is wanted.
    pub fn regex(&mut self, expr: &'a Expr) -> Run<Rc<Regex>> {
        let any_case = self.global(ast::IGNORECASE).is_true();
        match expr {
            Expr::Pattern(regex) if !any_case => Ok(Rc::clone(regex)),
            Expr::Pattern(regex) => self.regexes.get(&regex.source, true).map_err(Stop::Plain),
            other => {
                let value = self.value(other)?;
                let source = self.text_of(&value);
                self.regexes.get(&source, any_case).map_err(Stop::Plain)
            }
        }
    }

    pub fn text(&mut self, expr: &'a Expr) -> Run<Text> {
        let value = self.value(expr)?;
        Ok(self.text_of(&value))
    }

    pub fn number(&mut self, expr: &'a Expr) -> Run<f64> {
        Ok(self.value(expr)?.number())
    }

    pub fn value(&mut self, expr: &'a Expr) -> Run<Value> {
        Ok(match expr {
            Expr::Constant(value) => value.clone(),
            Expr::Pattern(_) => {
                let regex = self.regex(expr)?;
                Value::truth(regex.is_match(&self.whole()))
            }
            Expr::Variable(slot) => self.load(&Place::Variable(*slot)),
            Expr::Element(..) | Expr::Field(_) => {
                let place = self.place(expr)?;
                self.load(&place)
            }
            Expr::Group(values) => Value::Text(self.key(values)?),
            Expr::Bracketed(inner) => self.value(inner)?,
            Expr::Assign(to, from) => {
                let place = self.place(to)?;
                let value = self.value(from)?;
                self.store(&place, value.clone())?;
                value
            }
            Expr::Update(operator, to, by) => {
                let place = self.place(to)?;
                let by = self.number(by)?;
                let value = Value::Number(calculate(*operator, self.load(&place).number(), by)?);
                self.store(&place, value.clone())?;
                value
            }
            Expr::Step(by, is_before, of) => {
                let place = self.place(of)?;
                let before = self.load(&place).number();
                self.store(&place, Value::Number(before + by))?;
                Value::Number(if *is_before { before } else { before + by })
            }
            Expr::Choice(condition, yes, no) => {
                let chosen = if self.value(condition)?.is_true() { yes } else { no };
                self.value(chosen)?
            }
            Expr::And(a, b) => Value::truth(self.value(a)?.is_true() && self.value(b)?.is_true()),
            Expr::Or(a, b) => Value::truth(self.value(a)?.is_true() || self.value(b)?.is_true()),
            Expr::Not(of) => Value::truth(!self.value(of)?.is_true()),
            Expr::Negative(of) => Value::Number(-self.number(of)?),
            Expr::Positive(of) => Value::Number(self.number(of)?),
            Expr::Calculate(operator, a, b) => {
                let a = self.number(a)?;
                Value::Number(calculate(*operator, a, self.number(b)?)?)
            }
            Expr::Compare(comparison, a, b) => {
                let a = self.value(a)?;
                let order = a.compare(&self.value(b)?, &self.special(ast::CONVFMT));
                Value::truth(match comparison {
                    Comparison::Less => order.is_some_and(|order| order.is_lt()),
                    Comparison::LessOrEqual => order.is_some_and(|order| order.is_le()),
                    Comparison::Equal => order.is_some_and(|order| order.is_eq()),
                    Comparison::NotEqual => order.is_none_or(|order| order.is_ne()),
                    Comparison::Greater => order.is_some_and(|order| order.is_gt()),
                    Comparison::GreaterOrEqual => order.is_some_and(|order| order.is_ge()),
                })
            }
            Expr::Join(a, b) => {
                let mut text = self.text(a)?.to_vec();
                text.extend_from_slice(&self.text(b)?);
                Value::Text(Text::from(text))
            }
            Expr::Matches(turned, text, pattern) => {
                let text = self.text(text)?;
                Value::truth(self.regex(pattern)?.is_match(&text) != *turned)
            }
            Expr::In(subscripts, array) => {
                let key = self.key(subscripts)?;
                Value::truth(self.array(*array).borrow().get(&key).is_some())
            }
            Expr::Call(function, arguments) => self.call(*function, arguments)?,
            Expr::Builtin(builtin, arguments) => self.builtin(*builtin, arguments)?,
            Expr::Getline(from, variable) => self.getline(from, variable.as_deref())?,
        })
    }

    fn call(&mut self, function: usize, arguments: &'a [Expr]) -> Run<Value> {
        let program = self.program;
        let function = &program.functions[function];
        let Some(body) = &function.body else { return Err(Stop::Fatal("Call to undefined function".into())) };
        if self.depth >= DEEPEST {
            return Err(Stop::Fatal("Functions call each other too deep".into()));
        }
        let mut cells = Vec::with_capacity(function.parameters);
        for argument in arguments {
            cells.push(match argument {
                // A name that nothing was ever assigned to may become an array inside: then it is one outside, too.
                Expr::Variable(slot) if !matches!(slot, Slot::Global(at) if *at < ast::ENVIRON) => match self.cell(*slot) {
                    Cell::Scalar(Value::Unset) | Cell::Array(_) => Cell::Array(self.array(*slot)),
                    Cell::Scalar(value) => Cell::Scalar(value.clone()),
                },
                other => Cell::Scalar(self.value(other)?),
            });
        }
        cells.resize(function.parameters, Cell::Scalar(Value::Unset));
        let outer = std::mem::replace(&mut self.frame, self.locals.len());
        self.locals.append(&mut cells);
        self.depth += 1;
        let line = self.line;
        let done = self.execute(body);
        self.line = line;
        self.depth -= 1;
        self.locals.truncate(self.frame);
        self.frame = outer;
        match done {
            Ok(()) => Ok(Value::Unset),
            Err(Stop::Return(value)) => Ok(value),
            Err(stop) => Err(stop),
        }
    }

    fn getline(&mut self, from: &'a From, variable: Option<&'a Expr>) -> Run<Value> {
        let read = match from {
            From::Main => self.next_record().map(Ok)?,
            From::File(name) => {
                let name = self.text(name)?;
                self.streams.read(&name, false, &self.separator)
            }
            From::Command(name) => {
                let name = self.text(name)?;
                self.streams.read(&name, true, &self.separator)
            }
        };
        let Ok(read) = read else { return Ok(Value::Number(-1.0)) };
        let Some(record) = read else { return Ok(Value::Number(0.0)) };
        match variable {
            Some(variable) => {
                let place = self.place(variable)?;
                self.store(&place, Value::Input(Text::from(record)))?;
            }
            None => self.set_record(record),
        }
        if matches!(from, From::Main) {
            self.count_record();
        }
        Ok(Value::Number(1.0))
    }
}

fn calculate(operator: Operator, a: f64, b: f64) -> Run<f64> {
    Ok(match operator {
        Operator::Add => a + b,
        Operator::Subtract => a - b,
        Operator::Multiply => a * b,
        Operator::Divide | Operator::Remainder if b == 0.0 => return Err(Stop::Fatal("Division by zero".into())),
        Operator::Divide => a / b,
        Operator::Remainder => a % b,
        Operator::Power => a.powf(b),
    })
}

/// What cannot be read or written.
pub fn fault(error: &std::io::Error) -> Stop {
    Stop::Plain(crate::units::c_words(error))
}
