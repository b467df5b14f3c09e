//! Macros, `![:name args](object)`, without JavaScript: a macro is a text with places for what the call gives.
//!
//! `${object}` is the text in the parentheses, `${1}` the first argument, `${args}` all of them. A function may follow:
//! `${object|upper}`, `${args|sum}`. What comes of it is read as Markdown, further macros in it included.

use std::collections::HashMap;

/// Macros by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Macros {
    templates: HashMap<String, String>,
}

impl Default for Macros {
    /// Those that many decks define: an image with a width, and remark's own `hello`.
    fn default() -> Self {
        let known = [
            ("hello", "hello!"),
            ("scale", "<img src=\"${object}\" style=\"width: ${1}\" />"),
            ("img", "<img alt=\"${1}\" src=\"${object}\" style=\"width: ${2}\" />"),
        ];
        Macros { templates: known.into_iter().map(|(name, text)| (name.to_owned(), text.to_owned())).collect() }
    }
}

impl Macros {
    /// Adds a macro, or puts it in place of the one of that name. Fails with a sentence on a place that is none.
    pub fn define(&mut self, name: &str, template: &str) -> Result<(), String> {
        let mut rest = template;
        while let Some((_, after)) = rest.split_once("${") {
            let (place, after) = after.split_once('}').ok_or_else(|| "a `${` has no `}`".to_owned())?;
            Place::parse(place)?;
            rest = after;
        }
        self.templates.insert(name.to_owned(), template.to_owned());
        Ok(())
    }

    /// What a call stands for; `None` for a macro that nothing defines.
    pub fn expand(&self, name: &str, args: &[String], object: Option<&str>) -> Option<String> {
        let mut rest = self.templates.get(name)?.as_str();
        let mut out = String::new();
        while let Some((before, after)) = rest.split_once("${") {
            let (place, after) = after.split_once('}')?;
            out.push_str(before);
            if let Ok(place) = Place::parse(place) {
                out.push_str(&place.value(args, object.unwrap_or_default()));
            }
            rest = after;
        }
        out.push_str(rest);
        Some(out)
    }
}

enum Source {
    Object,
    Argument(usize),
    Arguments,
}

enum Function {
    Same,
    Upper,
    Lower,
    Sum,
}

struct Place {
    source: Source,
    function: Function,
}

impl Place {
    fn parse(text: &str) -> Result<Place, String> {
        let (source, function) = text.split_once('|').unwrap_or((text, ""));
        let source = match source.trim() {
            "object" => Source::Object,
            "args" => Source::Arguments,
            number => match number.parse() {
                Ok(n) if n > 0 => Source::Argument(n),
                _ => return Err(format!("`${{{text}}}` is no place; places are ${{object}}, ${{args}} and ${{1}}, ${{2}} …")),
            },
        };
        let function = match function.trim() {
            "" => Function::Same,
            "upper" => Function::Upper,
            "lower" => Function::Lower,
            "sum" => Function::Sum,
            other => return Err(format!("there is no function `{other}`; there are upper, lower and sum")),
        };
        Ok(Place { source, function })
    }

    fn value(&self, args: &[String], object: &str) -> String {
        let words: Vec<&str> = match self.source {
            Source::Object => vec![object],
            Source::Argument(n) => args.get(n - 1).map(String::as_str).into_iter().collect(),
            Source::Arguments => args.iter().map(String::as_str).collect(),
        };
        match self.function {
            Function::Same => words.join(", "),
            Function::Upper => words.join(", ").to_uppercase(),
            Function::Lower => words.join(", ").to_lowercase(),
            Function::Sum => words.iter().filter_map(|w| w.trim().parse::<f64>().ok()).sum::<f64>().to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_filled() {
        let mut macros = Macros::default();
        macros.define("sum", "${args|sum}").expect("known places");
        let args = ["1".to_owned(), "2.5".to_owned()];
        assert_eq!(macros.expand("sum", &args, None).as_deref(), Some("3.5"));
        assert_eq!(macros.expand("scale", &["50%".into()], Some("a.png")).as_deref(), Some("<img src=\"a.png\" style=\"width: 50%\" />"));
        assert_eq!(macros.expand("nope", &args, None), None);
        assert!(
            macros.define("x", "${object|shout}").is_err() && macros.define("x", "${0}").is_err() && macros.define("x", "${1").is_err()
        );
    }
}
