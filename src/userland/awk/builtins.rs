//! The functions that are awk's own.

use super::{
    ast::{self, Expr},
    interp::{Interp, Place, Run, Stop, fault},
    lexer::Builtin,
    record::Splitter,
    times,
    value::{Cell, Text, Value},
};

/// Numbers that look as if by chance: the same after the same seed.
pub struct Random {
    state: u64,
    seed: f64,
}

impl Default for Random {
    fn default() -> Self {
        Self { state: 1, seed: 1.0 }
    }
}

impl Random {
    /// From 0 up to, but not including, 1.
    fn next(&mut self) -> f64 {
        // SplitMix64: any seed is as good as another.
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.state;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((bits ^ (bits >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Takes a seed, and gives the one before.
    fn sow(&mut self, seed: f64) -> f64 {
        self.state = seed as i64 as u64;
        std::mem::replace(&mut self.seed, seed)
    }
}

impl<'a> Interp<'a> {
    pub fn builtin(&mut self, builtin: Builtin, arguments: &'a [Expr]) -> Run<Value> {
        let Some(first) = arguments.first() else {
            return Ok(Value::Number(match builtin {
                Builtin::Length => self.whole().len() as f64,
                Builtin::Rand => self.random.next(),
                Builtin::Srand => self.random.sow(times::now()),
                Builtin::Systime => times::now(),
                Builtin::Fflush => -f64::from(u8::from(self.streams.flush().is_err())),
                _ => return Ok(Value::text(times::format(b"%a %b %e %H:%M:%S %Z %Y", times::now()).as_bytes())),
            }));
        };
        let bits = |of: fn(u64, u64) -> u64, a: f64, b: f64| Value::Number(of(a as u64, b as u64) as f64);
        match builtin {
            Builtin::Gensub => return self.gensub(arguments),
            Builtin::Gsub | Builtin::Sub => return self.substitute(builtin == Builtin::Gsub, arguments),
            Builtin::Match => return self.find(first, &arguments[1]),
            Builtin::Split => return self.split(arguments),
            Builtin::Length => return self.length(first),
            Builtin::Sprintf => return self.formatted(arguments).map(|text| Value::Text(Text::from(text))),
            _ => {}
        }
        let first = self.value(first)?;
        let second = arguments.get(1).map(|second| self.value(second)).transpose()?;
        let number = first.number();
        let other = second.as_ref().map_or(0.0, Value::number);
        let text = |interp: &Self| interp.text_of(&first);
        Ok(match builtin {
            Builtin::And => bits(|a, b| a & b, number, other),
            Builtin::Or => bits(|a, b| a | b, number, other),
            Builtin::Xor => bits(|a, b| a ^ b, number, other),
            Builtin::Lshift => bits(|a, b| u32::try_from(b).ok().and_then(|b| a.checked_shl(b)).unwrap_or(0), number, other),
            Builtin::Rshift => bits(|a, b| u32::try_from(b).ok().and_then(|b| a.checked_shr(b)).unwrap_or(0), number, other),
            Builtin::Compl => Value::Number(!(number as u64) as f64),
            Builtin::Atan2 => Value::Number(number.atan2(other)),
            Builtin::Cos => Value::Number(number.cos()),
            Builtin::Sin => Value::Number(number.sin()),
            Builtin::Exp => Value::Number(number.exp()),
            Builtin::Log => Value::Number(number.ln()),
            Builtin::Sqrt => Value::Number(number.sqrt()),
            Builtin::Int => Value::Number(number.trunc()),
            Builtin::Srand => Value::Number(self.random.sow(number)),
            Builtin::Index => Value::Number(position(&text(self), &self.text_of(second.as_ref().unwrap_or(&Value::Unset)))),
            Builtin::Tolower => Value::text(&text(self).to_ascii_lowercase()),
            Builtin::Toupper => Value::text(&text(self).to_ascii_uppercase()),
            Builtin::Substr => {
                let length = arguments.get(2).map(|length| self.number(length)).transpose()?;
                Value::text(part(&text(self), other, length))
            }
            Builtin::Close => Value::Number(self.streams.close(&text(self)).into()),
            Builtin::Fflush => Value::Number(-f64::from(u8::from(self.streams.flush().is_err()))),
            Builtin::System => Value::Number(self.streams.system(&text(self)).map_err(|error| fault(&error))?.into()),
            Builtin::Mktime => Value::Number(times::seconds(&text(self))),
            Builtin::Strftime => {
                let when = if second.is_some() { other } else { times::now() };
                Value::text(times::format(&text(self), when).as_bytes())
            }
            _ => Value::Unset,
        })
    }

    /// Of a text, or how many elements an array has.
    fn length(&mut self, of: &'a Expr) -> Run<Value> {
        if let Expr::Variable(slot) = of
            && self.is_array(*slot)
        {
            return Ok(Value::Number(self.array(*slot).borrow().len() as f64));
        }
        Ok(Value::Number(self.text(of)?.len() as f64))
    }

    fn find(&mut self, text: &'a Expr, pattern: &'a Expr) -> Run<Value> {
        let text = self.text(text)?;
        let (start, length) = match self.regex(pattern)?.find(&text, 0) {
            Some((start, end)) => (start as f64 + 1.0, (end - start) as f64),
            None => (0.0, -1.0),
        };
        self.globals[ast::RSTART] = Cell::Scalar(Value::Number(start));
        self.globals[ast::RLENGTH] = Cell::Scalar(Value::Number(length));
        Ok(Value::Number(start))
    }

    fn split(&mut self, arguments: &'a [Expr]) -> Run<Value> {
        let text = self.text(&arguments[0])?;
        let Expr::Variable(slot) = &arguments[1] else { return Err(Stop::Fatal("Not an array".into())) };
        let splitter = match arguments.get(2) {
            Some(pattern @ Expr::Pattern(_)) => Splitter::Regex(self.regex(pattern)?),
            Some(separator) => {
                let separator = self.text(separator)?;
                let any_case = self.global(ast::IGNORECASE).is_true();
                Splitter::of(&separator, &mut self.regexes, any_case).map_err(Stop::Plain)?
            }
            None => self.splitter.clone(),
        };
        let fields = splitter.split(&text, false);
        let array = self.array(*slot);
        let mut array = array.borrow_mut();
        array.clear();
        for (at, field) in fields.iter().enumerate() {
            *array.entry(&Text::from((at + 1).to_string().into_bytes())) = Value::input(field);
        }
        Ok(Value::Number(fields.len() as f64))
    }

    fn substitute(&mut self, all: bool, arguments: &'a [Expr]) -> Run<Value> {
        let regex = self.regex(&arguments[0])?;
        let by = self.text(&arguments[1])?;
        // What cannot be assigned to is changed for nobody to see.
        let place = match arguments.get(2) {
            None => Some(Place::Field(0)),
            Some(target @ (Expr::Variable(_) | Expr::Element(..) | Expr::Field(_))) => Some(self.place(target)?),
            Some(_) => None,
        };
        let value = match (&place, arguments.get(2)) {
            (Some(place), _) => self.load(place),
            (None, Some(target)) => self.value(target)?,
            (None, None) => Value::Unset,
        };
        let text = self.text_of(&value);
        let (changed, count) = replaced(
            &text,
            |from| regex.find(&text, from),
            if all { None } else { Some(1) },
            |out, (start, end)| {
                filled(out, &by, &[Some((start, end))], &text);
            },
        );
        if let Some(place) = place.filter(|_| count > 0) {
            self.store(&place, Value::Text(Text::from(changed)))?;
        }
        Ok(Value::Number(count as f64))
    }

    fn gensub(&mut self, arguments: &'a [Expr]) -> Run<Value> {
        let regex = self.regex(&arguments[0])?;
        let by = self.text(&arguments[1])?;
        let which = self.value(&arguments[2])?;
        let only = if matches!(self.text_of(&which).first(), Some(b'g' | b'G')) { None } else { Some(which.number().max(1.0) as usize) };
        let text = match arguments.get(3) {
            Some(text) => self.text(text)?,
            None => self.whole(),
        };
        let (changed, _) = replaced(
            &text,
            |from| regex.find(&text, from),
            only,
            |out, (start, end)| {
                let mut groups = regex.groups(&text, start);
                if groups.first().is_none_or(|whole| *whole != Some((start, end))) {
                    groups = vec![Some((start, end))];
                }
                filled(out, &by, &groups, &text);
            },
        );
        Ok(Value::Text(Text::from(changed)))
    }
}

/// `text` with what `find` finds put in by `put`: all, or the one that is told by its number.
fn replaced(
    text: &[u8],
    find: impl Fn(usize) -> Option<(usize, usize)>,
    only: Option<usize>,
    mut put: impl FnMut(&mut Vec<u8>, (usize, usize)),
) -> (Vec<u8>, usize) {
    let (mut out, mut at, mut found, mut count, mut last) = (vec![], 0, 0, 0, None);
    while at <= text.len() {
        let Some((start, end)) = find(at) else { break };
        out.extend_from_slice(&text[at..start]);
        // Nothing right behind a match is no match of its own.
        if start < end || last != Some(start) {
            found += 1;
            if only.is_none_or(|only| only == found) {
                put(&mut out, (start, end));
                count += 1;
            } else {
                out.extend_from_slice(&text[start..end]);
            }
        }
        (at, last) = (end, Some(end));
        if start == end {
            out.extend(text.get(start));
            at += 1;
        }
        if only == Some(found) {
            break;
        }
    }
    out.extend_from_slice(&text[at.min(text.len())..]);
    (out, count)
}

/// Puts the replacement `by` in: `&` is the match, `\1` a group, a backslash takes the meaning.
fn filled(out: &mut Vec<u8>, by: &[u8], groups: &[Option<(usize, usize)>], text: &[u8]) {
    let group = |at: usize| groups.get(at).copied().flatten().map_or(&b""[..], |(start, end)| &text[start..end]);
    let mut at = 0;
    while let Some(&byte) = by.get(at) {
        at += 1;
        match (byte, by.get(at)) {
            (b'\\', Some(next @ (b'&' | b'\\'))) => {
                out.push(*next);
                at += 1;
            }
            (b'\\', Some(digit @ b'0'..=b'9')) if groups.len() > 1 => {
                out.extend_from_slice(group(usize::from(digit - b'0')));
                at += 1;
            }
            (b'&', _) => out.extend_from_slice(group(0)),
            _ => out.push(byte),
        }
    }
}

/// Where `what` begins in `text`, from 1 on; 0 when it does not. Nothing is nowhere.
fn position(text: &[u8], what: &[u8]) -> f64 {
    if what.is_empty() {
        return 0.0;
    }
    text.windows(what.len()).position(|window| window == what).map_or(0.0, |at| at as f64 + 1.0)
}

/// A part of a text; what lies before its beginning is passed over, fractions are cut off.
fn part(text: &[u8], start: f64, length: Option<f64>) -> &[u8] {
    let first = start.trunc().max(1.0);
    let last = length.map_or(f64::INFINITY, |length| first + length.trunc()).min(text.len() as f64 + 1.0);
    if first < last { &text[first as usize - 1..last as usize - 1] } else { &[] }
}
