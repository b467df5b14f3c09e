//! Runs statements.

use super::{
    ast::{self, Expr, Kind, Slot, Stmt, To},
    format,
    interp::{Interp, Run, Stop, fault},
    streams::Way,
    value::{Text, Value},
};

impl<'a> Interp<'a> {
    pub fn execute(&mut self, stmt: &'a Stmt) -> Run<()> {
        if !matches!(stmt.kind, Kind::Block(_)) {
            self.line = stmt.line;
        }
        match &stmt.kind {
            Kind::Expr(expr) => self.value(expr).map(drop),
            Kind::Block(statements) => statements.iter().try_for_each(|stmt| self.execute(stmt)),
            Kind::Print(values, to) => {
                let line = self.printed(values)?;
                self.write(to, &line)
            }
            Kind::Printf(values, to) => {
                let text = self.formatted(values)?;
                self.write(to, &text)
            }
            Kind::If(condition, yes, no) => {
                if self.value(condition)?.is_true() {
                    self.execute(yes)
                } else {
                    no.as_ref().map_or(Ok(()), |no| self.execute(no))
                }
            }
            Kind::While(condition, body) => {
                while self.value(condition)?.is_true() {
                    if self.turn(body)? {
                        break;
                    }
                }
                Ok(())
            }
            Kind::Do(body, condition) => {
                while !self.turn(body)? && self.value(condition)?.is_true() {}
                Ok(())
            }
            Kind::For(first, condition, step, body) => {
                if let Some(first) = first {
                    self.execute(first)?;
                }
                loop {
                    if let Some(condition) = condition
                        && !self.value(condition)?.is_true()
                    {
                        return Ok(());
                    }
                    if self.turn(body)? {
                        return Ok(());
                    }
                    if let Some(step) = step {
                        self.execute(step)?;
                    }
                }
            }
            Kind::Walk(variable, array, body) => self.walk(*variable, *array, body),
            Kind::Next => Err(Stop::Next),
            Kind::NextFile => Err(Stop::NextFile),
            Kind::Break => Err(Stop::Break),
            Kind::Continue => Err(Stop::Continue),
            Kind::Exit(status) => {
                if let Some(status) = status {
                    self.status = self.number(status)? as i64 as u8;
                }
                Err(Stop::Exit)
            }
            Kind::Return(value) => {
                let value = value.as_ref().map_or(Ok(Value::Unset), |value| self.value(value))?;
                Err(Stop::Return(value))
            }
            Kind::Delete(array, subscripts) => {
                let array = self.array(*array);
                match subscripts {
                    Some(subscripts) => {
                        let key = self.key(subscripts)?;
                        array.borrow_mut().remove(&key);
                    }
                    None => array.borrow_mut().clear(),
                }
                Ok(())
            }
        }
    }

    /// Once through a loop's body. True when that is left.
    fn turn(&mut self, body: &'a Stmt) -> Run<bool> {
        match self.execute(body) {
            Ok(()) | Err(Stop::Continue) => Ok(false),
            Err(Stop::Break) => Ok(true),
            Err(stop) => Err(stop),
        }
    }

    /// Through the elements that are there when it begins.
    fn walk(&mut self, variable: Slot, array: Slot, body: &'a Stmt) -> Run<()> {
        let keys = self.array(array).borrow().keys();
        for key in keys {
            self.set(variable, Value::Input(key))?;
            if self.turn(body)? {
                break;
            }
        }
        Ok(())
    }

    fn printed(&mut self, values: &'a [Expr]) -> Run<Vec<u8>> {
        let mut line = vec![];
        if values.is_empty() {
            line.extend_from_slice(&self.whole());
        }
        for (at, value) in values.iter().enumerate() {
            if at > 0 {
                line.extend_from_slice(&self.special(ast::OFS));
            }
            let value = self.value(value)?;
            match value {
                Value::Number(_) => line.extend_from_slice(&value.to_text(&self.special(ast::OFMT))),
                other => line.extend_from_slice(&self.text_of(&other)),
            }
        }
        line.extend_from_slice(&self.special(ast::ORS));
        Ok(line)
    }

    /// A format, filled.
    pub fn formatted(&mut self, values: &'a [Expr]) -> Run<Vec<u8>> {
        let Some((first, rest)) = values.split_first() else { return Ok(vec![]) };
        let form: Text = self.text(first)?;
        let values = rest.iter().map(|value| self.value(value)).collect::<Run<Vec<_>>>()?;
        format::format(&form, &values, &self.special(ast::CONVFMT)).map_err(Stop::Fatal)
    }

    fn write(&mut self, to: &'a To, bytes: &[u8]) -> Run<()> {
        let (name, way) = match to {
            To::Output => return self.streams.print(bytes).map_err(|error| fault(&error)),
            To::File(name) => (name, Way::Anew),
            To::Append(name) => (name, Way::Append),
            To::Command(name) => (name, Way::Command),
        };
        let name = self.text(name)?;
        self.streams
            .write(&name, way, bytes)
            .map_err(|error| Stop::Plain(format!("can't open '{}': {}", String::from_utf8_lossy(&name), crate::units::c_words(&error))))
    }
}
