//! Expressions, by the levels of their operators.

use std::rc::Rc;

use super::{
    ast::{Comparison, Expr, Operator},
    lexer::{BUILTINS, Builtin, Fault, Token},
    parser::{Parsed, Parser},
    regex::{Regex, bad},
    value::Value,
};

impl Parser {
    /// A whole expression.
    pub fn expression(&mut self) -> Parsed<Expr> {
        self.nested(Self::choice)
    }

    fn choice(&mut self) -> Parsed<Expr> {
        let condition = self.or()?;
        if !self.eat("?") {
            return Ok(condition);
        }
        self.skip_lines();
        let yes = self.expression()?;
        self.skip_lines();
        self.expect(":")?;
        self.skip_lines();
        let no = self.expression()?;
        Ok(Expr::Choice(condition.into(), yes.into(), no.into()))
    }

    fn or(&mut self) -> Parsed<Expr> {
        let (mut left, mut row) = (self.and()?, 0);
        while self.eat("||") {
            self.longer(&mut row)?;
            self.skip_lines();
            left = Expr::Or(left.into(), self.and()?.into());
        }
        Ok(left)
    }

    fn and(&mut self) -> Parsed<Expr> {
        let (mut left, mut row) = (self.membership()?, 0);
        while self.eat("&&") {
            self.longer(&mut row)?;
            self.skip_lines();
            left = Expr::And(left.into(), self.membership()?.into());
        }
        Ok(left)
    }

    fn membership(&mut self) -> Parsed<Expr> {
        let (mut left, mut row) = (self.matching()?, 0);
        while self.eat("in") {
            self.longer(&mut row)?;
            let Token::Name(array) = self.token().clone() else { return self.unexpected() };
            self.advance();
            let subscripts = match left {
                Expr::Group(subscripts) => subscripts,
                one => vec![one],
            };
            left = Expr::In(subscripts, self.slot(&array));
        }
        Ok(left)
    }

    fn matching(&mut self) -> Parsed<Expr> {
        let (mut left, mut row) = (self.comparison()?, 0);
        loop {
            let turned = match self.token() {
                Token::Sign("~") => false,
                Token::Sign("!~") => true,
                _ => return Ok(left),
            };
            self.longer(&mut row)?;
            self.advance();
            left = Expr::Matches(turned, left.into(), self.comparison()?.into());
        }
    }

    fn comparison(&mut self) -> Parsed<Expr> {
        let left = self.piped()?;
        let comparison = match self.token() {
            Token::Sign("<") => Comparison::Less,
            Token::Sign("<=") => Comparison::LessOrEqual,
            Token::Sign("==") => Comparison::Equal,
            Token::Sign("!=") => Comparison::NotEqual,
            Token::Sign(">") if !self.in_print => Comparison::Greater,
            Token::Sign(">=") => Comparison::GreaterOrEqual,
            _ => return Ok(left),
        };
        self.advance();
        Ok(Expr::Compare(comparison, left.into(), self.piped()?.into()))
    }

    /// `command | getline`; any other pipe is that of a `print`.
    fn piped(&mut self) -> Parsed<Expr> {
        let (mut left, mut row) = (self.concatenation()?, 0);
        while self.is("|") && *self.ahead(1) == Token::Sign("getline") {
            self.longer(&mut row)?;
            self.advance();
            self.advance();
            left = self.getline(Some(left))?;
        }
        Ok(left)
    }

    pub fn concatenation(&mut self) -> Parsed<Expr> {
        let (mut left, mut row) = (self.sum()?, 0);
        while self.begins_operand() {
            self.longer(&mut row)?;
            left = Expr::Join(left.into(), self.sum()?.into());
        }
        Ok(left)
    }

    /// Whether something begins here that is joined to what stands before it.
    fn begins_operand(&self) -> bool {
        match self.token() {
            Token::Sign(sign) => matches!(*sign, "$" | "!" | "(" | "++" | "--"),
            _ => true,
        }
    }

    fn sum(&mut self) -> Parsed<Expr> {
        let (mut left, mut row) = (self.product()?, 0);
        loop {
            let operator = match self.token() {
                Token::Sign("+") => Operator::Add,
                Token::Sign("-") => Operator::Subtract,
                _ => return Ok(left),
            };
            self.longer(&mut row)?;
            self.advance();
            left = Expr::Calculate(operator, left.into(), self.product()?.into());
        }
    }

    fn product(&mut self) -> Parsed<Expr> {
        let (mut left, mut row) = (self.signed()?, 0);
        loop {
            let operator = match self.token() {
                Token::Sign("*") => Operator::Multiply,
                Token::Sign("/") => Operator::Divide,
                Token::Sign("%") => Operator::Remainder,
                _ => return Ok(left),
            };
            self.longer(&mut row)?;
            self.advance();
            left = Expr::Calculate(operator, left.into(), self.signed()?.into());
        }
    }

    fn signed(&mut self) -> Parsed<Expr> {
        let make = match self.token() {
            Token::Sign("!") => Expr::Not,
            Token::Sign("-") => Expr::Negative,
            Token::Sign("+") => Expr::Positive,
            _ => return self.power(),
        };
        self.advance();
        self.nested(Self::signed).map(|of| make(of.into()))
    }

    fn power(&mut self) -> Parsed<Expr> {
        let base = self.step()?;
        if !self.eat("^") && !self.eat("**") {
            return Ok(base);
        }
        let exponent = self.nested(Self::signed)?;
        Ok(Expr::Calculate(Operator::Power, base.into(), exponent.into()))
    }

    /// An operand with what is done to it in place: steps and assignments.
    fn step(&mut self) -> Parsed<Expr> {
        for (sign, by) in [("++", 1.0), ("--", -1.0)] {
            if self.eat(sign) {
                let place = self.place()?;
                return Ok(Expr::Step(by, false, place.into()));
            }
        }
        let operand = self.primary()?;
        if !matches!(operand, Expr::Variable(_) | Expr::Element(..) | Expr::Field(_)) {
            return Ok(operand);
        }
        let operator = match self.token() {
            Token::Sign("++") => None,
            Token::Sign("--") => None,
            Token::Sign("=") => {
                self.advance();
                self.skip_lines();
                let value = self.expression()?;
                return Ok(Expr::Assign(operand.into(), value.into()));
            }
            Token::Sign("+=") => Some(Operator::Add),
            Token::Sign("-=") => Some(Operator::Subtract),
            Token::Sign("*=") => Some(Operator::Multiply),
            Token::Sign("/=") => Some(Operator::Divide),
            Token::Sign("%=") => Some(Operator::Remainder),
            Token::Sign("^=" | "**=") => Some(Operator::Power),
            _ => return Ok(operand),
        };
        let by = if self.is("++") { 1.0 } else { -1.0 };
        self.advance();
        match operator {
            None => Ok(Expr::Step(by, true, operand.into())),
            Some(operator) => {
                let value = self.expression()?;
                Ok(Expr::Update(operator, operand.into(), value.into()))
            }
        }
    }

    /// Something that can be assigned to.
    pub fn place(&mut self) -> Parsed<Expr> {
        let place = self.primary()?;
        match place {
            Expr::Variable(_) | Expr::Element(..) | Expr::Field(_) => Ok(place),
            _ => self.unexpected(),
        }
    }

    pub fn primary(&mut self) -> Parsed<Expr> {
        let token = self.token().clone();
        self.advance();
        match token {
            Token::Number(number) => Ok(Expr::Constant(Value::Number(number))),
            Token::Text(text) => Ok(Expr::Constant(Value::Text(text))),
            Token::Pattern(pattern) => match Regex::new(&pattern, false) {
                Some(regex) => Ok(Expr::Pattern(Rc::new(regex))),
                None => Err(Fault { line: 0, text: bad(&pattern) }),
            },
            Token::Name(name) => {
                let slot = self.slot(&name);
                if self.eat("[") {
                    return Ok(Expr::Element(slot, self.nested(|parser| parser.list("]"))?));
                }
                Ok(Expr::Variable(slot))
            }
            Token::Call(name) => {
                let function = self.function(&name);
                self.expect("(")?;
                let arguments = self.arguments()?;
                Ok(Expr::Call(function, arguments))
            }
            Token::Builtin(builtin) => self.builtin(builtin),
            Token::Sign("$") => {
                let field = match self.token() {
                    // `$i++` is a field that grows, `$++i` the field of an `i` that has grown.
                    Token::Sign("++" | "--") => self.nested(Self::step)?,
                    Token::Sign("-" | "+" | "!") => self.nested(Self::signed)?,
                    _ => self.nested(Self::primary)?,
                };
                Ok(Expr::Field(field.into()))
            }
            Token::Sign("(") => {
                let mut values = self.nested(|parser| parser.list(")"))?;
                match values.pop() {
                    Some(only) if values.is_empty() => Ok(Expr::Bracketed(only.into())),
                    last => {
                        values.extend(last);
                        Ok(Expr::Group(values))
                    }
                }
            }
            Token::Sign("getline") => self.getline(None),
            Token::Sign(_) => {
                self.step_back();
                self.unexpected()
            }
        }
    }

    fn arguments(&mut self) -> Parsed<Vec<Expr>> {
        self.skip_lines();
        if self.eat(")") {
            return Ok(vec![]);
        }
        self.nested(|parser| parser.list(")"))
    }

    fn builtin(&mut self, builtin: Builtin) -> Parsed<Expr> {
        let arguments = if self.eat("(") {
            self.arguments()?
        } else if builtin == Builtin::Length {
            vec![]
        } else {
            return self.unexpected();
        };
        let (least, most) = BUILTINS.iter().find(|(_, of, ..)| *of == builtin).map_or((0, 0), |(_, _, least, most)| (*least, *most));
        match arguments.len() {
            few if few < least => self.fault("Too few arguments"),
            many if many > most => self.fault("Too many arguments"),
            _ => Ok(Expr::Builtin(builtin, arguments)),
        }
    }
}
