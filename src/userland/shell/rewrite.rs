//! Turns a parsed program into one that brush runs as a shell should.
//!
//! brush runs `X &` as a task of its own process, without a pid, and a loop or function inside a pipeline to its end
//! before the next command of the pipeline begins, which hangs once the pipe is full. Here both become calls of builtins of
//! ours ([`super::jobs`]), and `$!` becomes a variable that these set. Nothing is run here.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, PoisonError},
};

use brush_core::parser::ast::{
    AndOr, AndOrList, AssignmentValue, Command, CommandPrefixOrSuffixItem as Item, CommandSuffix, CompoundCommand, CompoundList,
    CompoundListItem, Pipeline, Program, SeparatorOperator, SimpleCommand, Word,
};

/// The builtin that runs a stored command; its argument is the command's number.
pub const STORED: &str = "__stored";
/// The builtin that starts its arguments in the background.
pub const BACKGROUND: &str = "__background";
/// The builtin that starts a shell in the background; its argument is that shell's program.
pub const BACKGROUND_SHELL: &str = "__background_shell";
/// The variable that `$!` reads.
pub const LAST: &str = "__last_background";
/// The variable that `$$` reads where it is set: in a shell that another one has started for a part of its own program.
pub const SHELL_PID: &str = "__shell_pid";

/// Commands that a pipeline runs beside its others, by number.
static STORE: Mutex<Vec<Arc<Program>>> = Mutex::new(Vec::new());

/// The stored command of that number.
pub fn stored(number: usize) -> Option<Arc<Program>> {
    STORE.lock().unwrap_or_else(PoisonError::into_inner).get(number).cloned()
}

/// Rewrites `program`; `functions` are those that the shell knows already.
pub fn program(program: &mut Program, functions: HashSet<String>) {
    let mut rewriter = Rewriter { functions };
    program.complete_commands.iter().for_each(|list| rewriter.note_functions(list));
    program.complete_commands.iter_mut().for_each(|list| rewriter.list(list));
}

struct Rewriter {
    functions: HashSet<String>,
}

impl Rewriter {
    /// Learns the functions that the list defines at its top.
    fn note_functions(&mut self, list: &CompoundList) {
        for CompoundListItem(and_or, _) in &list.0 {
            for command in &and_or.first.seq {
                if let Command::Function(function) = command {
                    self.functions.insert(function.fname.value.clone());
                }
            }
        }
    }

    fn list(&mut self, list: &mut CompoundList) {
        for CompoundListItem(and_or, separator) in &mut list.0 {
            if matches!(separator, SeparatorOperator::Async) {
                *separator = SeparatorOperator::Sequence;
                self.background(and_or);
            } else {
                self.pipeline(&mut and_or.first);
                for next in &mut and_or.additional {
                    let (AndOr::And(pipeline) | AndOr::Or(pipeline)) = next;
                    self.pipeline(pipeline);
                }
            }
        }
    }

    /// `COMMAND ARGUMENTS &` keeps its words and redirections, which brush expands; anything else goes to a shell as text.
    fn background(&mut self, and_or: &mut AndOrList) {
        if let ([], [Command::Simple(simple)], false) = (&and_or.additional[..], &mut and_or.first.seq[..], and_or.first.bang)
            && simple.prefix.is_none()
            && let Some(name) = simple.word_or_name.take()
        {
            self.simple(simple);
            let suffix = simple.suffix.get_or_insert_with(|| CommandSuffix(vec![]));
            suffix.0.insert(0, Item::Word(patched(&name)));
            simple.word_or_name = Some(Word::new(BACKGROUND));
            return;
        }
        let text = format!("{and_or}");
        let call = call(BACKGROUND_SHELL, &quoted(&patch(&text)));
        *and_or = AndOrList { first: Pipeline { timed: None, bang: false, seq: vec![call] }, additional: vec![] };
    }

    fn pipeline(&mut self, pipeline: &mut Pipeline) {
        let last = pipeline.seq.len() - 1;
        for (index, command) in pipeline.seq.iter_mut().enumerate() {
            self.command(command);
            let slow = match command {
                Command::Compound(..) => true,
                Command::Simple(simple) => simple.word_or_name.as_ref().is_some_and(|w| self.functions.contains(&w.value)),
                _ => false,
            };
            if slow && index < last {
                let alone = Pipeline { timed: None, bang: false, seq: vec![command.clone()] };
                let item = CompoundListItem(AndOrList { first: alone, additional: vec![] }, SeparatorOperator::Sequence);
                let program = Program { complete_commands: vec![CompoundList(vec![item])] };
                let mut store = STORE.lock().unwrap_or_else(PoisonError::into_inner);
                store.push(Arc::new(program));
                *command = call(STORED, &(store.len() - 1).to_string());
            }
        }
    }

    fn command(&mut self, command: &mut Command) {
        match command {
            Command::Simple(simple) => self.simple(simple),
            Command::Compound(compound, _) => self.compound(compound),
            Command::Function(function) => self.compound(&mut function.body.0),
            Command::ExtendedTest(..) => {}
        }
    }

    fn compound(&mut self, compound: &mut CompoundCommand) {
        match compound {
            CompoundCommand::BraceGroup(group) => self.list(&mut group.list),
            CompoundCommand::Subshell(subshell) => self.list(&mut subshell.list),
            CompoundCommand::ForClause(clause) => {
                clause.values.iter_mut().flatten().for_each(|word| *word = patched(word));
                self.list(&mut clause.body.list);
            }
            CompoundCommand::ArithmeticForClause(clause) => self.list(&mut clause.body.list),
            CompoundCommand::CaseClause(clause) => {
                clause.value = patched(&clause.value);
                clause.cases.iter_mut().filter_map(|case| case.cmd.as_mut()).for_each(|list| self.list(list));
            }
            CompoundCommand::IfClause(clause) => {
                self.list(&mut clause.condition);
                self.list(&mut clause.then);
                for branch in clause.elses.iter_mut().flatten() {
                    branch.condition.iter_mut().for_each(|list| self.list(list));
                    self.list(&mut branch.body);
                }
            }
            CompoundCommand::WhileClause(clause) | CompoundCommand::UntilClause(clause) => {
                self.list(&mut clause.0);
                self.list(&mut clause.1.list);
            }
            CompoundCommand::Arithmetic(_) | CompoundCommand::Coprocess(_) => {}
        }
    }

    fn simple(&mut self, simple: &mut SimpleCommand) {
        let items = simple.prefix.iter_mut().flat_map(|p| &mut p.0).chain(simple.suffix.iter_mut().flat_map(|s| &mut s.0));
        for item in items {
            match item {
                Item::Word(word) => *word = patched(word),
                Item::AssignmentWord(assignment, word) => {
                    *word = patched(word);
                    if let AssignmentValue::Scalar(value) = &mut assignment.value {
                        *value = patched(value);
                    }
                }
                Item::IoRedirect(_) | Item::ProcessSubstitution(..) => {}
            }
        }
    }
}

fn call(builtin: &str, argument: &str) -> Command {
    Command::Simple(SimpleCommand {
        prefix: None,
        word_or_name: Some(Word::new(builtin)),
        suffix: Some(CommandSuffix(vec![Item::Word(Word::new(argument))])),
    })
}

fn patched(word: &Word) -> Word {
    if ["$!", "${!}", "$$"].iter().any(|mark| word.value.contains(mark)) {
        return Word { value: patch(&word.value), loc: word.loc.clone() };
    }
    word.clone()
}

/// `text` with `$!` and `$$` replaced by our variables, except where quotes make them mean themselves.
pub fn patch(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    let (mut single, mut double) = (false, false);
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let mut length = c.len_utf8();
        match c {
            '\'' if !double => single = !single,
            '"' if !single => double = !double,
            '\\' if !single => length += rest[1..].chars().next().map_or(0, char::len_utf8),
            '$' if !single && rest.starts_with("$!") => {
                out.push_str(&format!("${{{LAST}}}"));
                rest = &rest[2..];
                continue;
            }
            '$' if !single && rest.starts_with("${!}") => {
                out.push_str(&format!("${{{LAST}}}"));
                rest = &rest[4..];
                continue;
            }
            '$' if !single && rest.starts_with("$$") => {
                out.push_str(&format!("${{{SHELL_PID}:-$$}}"));
                rest = &rest[2..];
                continue;
            }
            _ => {}
        }
        out.push_str(&rest[..length]);
        rest = &rest[length..];
    }
    out
}

/// `text` as one word that means itself.
pub fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_pid_is_replaced_where_a_shell_would_expand_it() {
        assert_eq!(patch("a$! \"$!\" '$!' \\$! ${!}"), "a${__last_background} \"${__last_background}\" '$!' \\$! ${__last_background}");
        assert_eq!(quoted("it's"), r"'it'\''s'");
    }
}
