//! The builtins that brush lacks or has only in part: `kill`, `trap`, `umask`, `wait`, and the hook that fires traps.

use std::io::Write;

use brush_core::{
    CommandArg, Error, ExecutionContext, ExecutionResult, ShellExtensions,
    builtins::{ContentOptions, ContentType, Registration, SimpleCommand, simple_builtin},
    traps::TrapSignal,
};
use futures_util::FutureExt;

use super::{Extensions, jobs, rewrite, signals};
use crate::userland::kill;

/// The command that brush's DEBUG hook runs: no name that a person would type.
const HOOK: &str = "__signals";

/// Our builtins by name, to be laid over brush's.
pub fn ours() -> Vec<(String, Registration<Extensions>)> {
    let asynchronous = |run| Registration {
        execute_func: run,
        content_func: no_help,
        disabled: false,
        special_builtin: false,
        declaration_builtin: false,
    };
    vec![
        ("kill".into(), simple_builtin::<Kill, Extensions>()),
        ("trap".into(), simple_builtin::<Trap, Extensions>().special()),
        ("umask".into(), simple_builtin::<Umask, Extensions>()),
        ("eval".into(), asynchronous(|context, args| eval(context, args).boxed()).special()),
        ("jobs".into(), asynchronous(|context, args| jobs::jobs(context, args).boxed())),
        ("wait".into(), asynchronous(|context, args| jobs::wait(context, args).boxed())),
        (rewrite::STORED.into(), asynchronous(|context, args| stored(context, args).boxed())),
        (rewrite::BACKGROUND.into(), asynchronous(|context, args| jobs::background(context, args).boxed())),
        (rewrite::BACKGROUND_SHELL.into(), asynchronous(|context, args| jobs::background_shell(context, args).boxed())),
        (
            HOOK.into(),
            asynchronous(|context, _| {
                async move {
                    signals::run_pending(context.shell).await;
                    Ok(ExecutionResult::success())
                }
                .boxed()
            }),
        ),
    ]
}

fn no_help(name: &str, _: ContentType, _: &ContentOptions) -> Result<String, Error> {
    Ok(format!("{name}: {name}\n"))
}

/// `kill`, which brush has with KILL as the signal it sends unasked.
struct Kill;

impl SimpleCommand for Kill {
    fn get_content(name: &str, kind: ContentType, options: &ContentOptions) -> Result<String, Error> {
        no_help(name, kind, options)
    }

    fn execute<SE: ShellExtensions, I: Iterator<Item = S>, S: AsRef<str>>(
        context: ExecutionContext<'_, SE>,
        args: I,
    ) -> Result<ExecutionResult, Error> {
        let args: Vec<String> = args.skip(1).map(|a| a.as_ref().to_owned()).collect();
        let name = &context.command_name;
        match kill::parse(&args) {
            Err(message) => {
                writeln!(context.stderr(), "{name}: {message}")?;
                Ok(ExecutionResult::new(2))
            }
            Ok(kill::Request::List(signals)) => {
                let bash = !context.shell.options().posix_mode;
                write!(context.stdout(), "{}", kill::list(&signals, bash))?;
                Ok(ExecutionResult::success())
            }
            Ok(kill::Request::Send(signal, targets)) => {
                let mut failed = false;
                for target in targets {
                    let result = match target.starts_with('%') {
                        true => match jobs::pid_of(&target) {
                            Some(pid) => kill::send(signal, &pid.to_string()),
                            None => Err("no such job".into()),
                        },
                        false => kill::send(signal, &target),
                    };
                    if let Err(message) = result {
                        writeln!(context.stderr(), "{name}: ({target}) - {message}")?;
                        failed = true;
                    }
                }
                Ok(ExecutionResult::new(u8::from(failed)))
            }
        }
    }
}

/// `trap`: brush's table of handlers, and our listening for the signals in it.
struct Trap;

impl SimpleCommand for Trap {
    fn get_content(name: &str, kind: ContentType, options: &ContentOptions) -> Result<String, Error> {
        no_help(name, kind, options)
    }

    fn execute<SE: ShellExtensions, I: Iterator<Item = S>, S: AsRef<str>>(
        context: ExecutionContext<'_, SE>,
        args: I,
    ) -> Result<ExecutionResult, Error> {
        let args: Vec<String> = args.skip(1).map(|a| a.as_ref().to_owned()).filter(|a| a != "--").collect();
        let shell = context.shell;
        let (action, names) = match args.as_slice() {
            [] => {
                let mut lines: Vec<String> = shell
                    .traps()
                    .iter_handlers()
                    .filter(|(_, handler)| handler.command != HOOK)
                    .map(|(signal, handler)| format!("trap -- '{}' {signal}\n", handler.command.replace('\'', "'\\''")))
                    .collect();
                lines.sort();
                write!(context.params.stdout(shell), "{}", lines.concat())?;
                return Ok(ExecutionResult::success());
            }
            [list] if list == "-l" => {
                write!(context.params.stdout(shell), "{}", kill::list(&[], !shell.options().posix_mode))?;
                return Ok(ExecutionResult::success());
            }
            // A single word, or a number first, means: back to the default.
            [only] => (None, std::slice::from_ref(only)),
            [first, ..] if first.parse::<u32>().is_ok() => (None, args.as_slice()),
            [first, rest @ ..] if first == "-" => (None, rest),
            [first, rest @ ..] => (Some(first.clone()), rest),
        };
        let mut failed = false;
        for name in names {
            let Ok(signal) = name.parse::<TrapSignal>() else {
                writeln!(context.params.stderr(shell), "trap: {name}: invalid signal specification")?;
                failed = true;
                continue;
            };
            let number = i32::try_from(signal).ok().filter(|n| *n > 0);
            match &action {
                Some(command) => {
                    let place = shell.call_stack().current_pos_as_source_info();
                    shell.traps_mut().register_handler(signal, rewrite::patch(command), place.clone());
                    if let Some(number) = number.filter(|_| !shell.is_subshell()) {
                        signals::set_trapped(number, true);
                        if !shell.traps().handles(TrapSignal::Debug) {
                            shell.traps_mut().register_handler(TrapSignal::Debug, HOOK.into(), place);
                            shell.options_mut().shell_functions_inherit_debug_and_return_traps = true;
                        }
                    }
                }
                None => {
                    shell.traps_mut().remove_handlers(signal);
                    if let Some(number) = number.filter(|_| !shell.is_subshell()) {
                        signals::set_trapped(number, false);
                    }
                }
            }
        }
        Ok(ExecutionResult::new(u8::from(failed)))
    }
}

/// `umask`: also without an argument where `/proc` is missing, and with symbolic modes.
struct Umask;

impl SimpleCommand for Umask {
    fn get_content(name: &str, kind: ContentType, options: &ContentOptions) -> Result<String, Error> {
        no_help(name, kind, options)
    }

    fn execute<SE: ShellExtensions, I: Iterator<Item = S>, S: AsRef<str>>(
        context: ExecutionContext<'_, SE>,
        args: I,
    ) -> Result<ExecutionResult, Error> {
        use rustix::{fs::Mode, process::umask};
        let args: Vec<String> = args.skip(1).map(|a| a.as_ref().to_owned()).collect();
        let symbolic = args.iter().any(|a| a == "-S");
        // The mask can only be read by setting it; nothing else runs in between.
        let current = umask(Mode::empty());
        umask(current);
        let Some(wanted) = args.iter().find(|a| !a.starts_with('-') || a.len() < 2) else {
            let text = if symbolic {
                let part = |shift: u32| {
                    let bits = (!current.bits() >> shift) & 7;
                    [(4, 'r'), (2, 'w'), (1, 'x')].iter().filter(|(b, _)| bits & b != 0).map(|(_, c)| *c).collect::<String>()
                };
                format!("u={},g={},o={}", part(6), part(3), part(0))
            } else {
                format!("{:04o}", current.bits())
            };
            writeln!(context.stdout(), "{text}")?;
            return Ok(ExecutionResult::success());
        };
        let mask = match u32::from_str_radix(wanted, 8) {
            Ok(mask) if mask <= 0o777 => Some(mask),
            Ok(_) => None,
            Err(_) => symbolic_mask(current.bits(), wanted),
        };
        match mask {
            Some(mask) => {
                umask(Mode::from_bits_truncate(mask));
                Ok(ExecutionResult::success())
            }
            None => {
                writeln!(context.stderr(), "umask: {wanted}: invalid mode")?;
                Ok(ExecutionResult::new(1))
            }
        }
    }
}

/// The mask that allows what `u=rwx,go-w` says.
fn symbolic_mask(current: u32, text: &str) -> Option<u32> {
    let mut allowed = !current & 0o777;
    for clause in text.split(',') {
        let at = clause.find(['=', '+', '-'])?;
        let (who, what) = clause.split_at(at);
        let bits = what[1..].chars().try_fold(0, |bits, c| {
            Some(
                bits | match c {
                    'r' => 4,
                    'w' => 2,
                    'x' => 1,
                    _ => return None,
                },
            )
        })?;
        for shift in [('u', 6), ('g', 3), ('o', 0)].iter().filter(|(c, _)| who.is_empty() || who.contains(['a', *c])).map(|(_, s)| *s) {
            match &what[..1] {
                "+" => allowed |= bits << shift,
                "-" => allowed &= !(bits << shift),
                _ => allowed = (allowed & !(7 << shift)) | bits << shift,
            }
        }
    }
    Some(!allowed & 0o777)
}

/// `__stored N`: runs a command that stands inside a pipeline.
async fn stored<SE: ShellExtensions>(context: ExecutionContext<'_, SE>, args: Vec<CommandArg>) -> Result<ExecutionResult, Error> {
    let number = args.get(1).and_then(|a| a.to_string().parse().ok());
    match number.and_then(rewrite::stored) {
        Some(program) => context.shell.run_program((*program).clone(), &context.params).await,
        None => Ok(ExecutionResult::new(127)),
    }
}

/// `eval`, so that what it is given is rewritten as all else is.
async fn eval<SE: ShellExtensions>(context: ExecutionContext<'_, SE>, args: Vec<CommandArg>) -> Result<ExecutionResult, Error> {
    let text = args.iter().skip(1).map(ToString::to_string).collect::<Vec<_>>().join(" ");
    let place = context.shell.call_stack().current_pos_as_source_info();
    super::run_text(context.shell, text, &place, &context.params).await
}

/// Keeps the map type of brush's registry in sight: ours must fit it.
#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    #[test]
    fn ours_are_laid_over_brushs() {
        let mut all: HashMap<String, Registration<Extensions>> = brush_builtins::default_builtins(brush_builtins::BuiltinSet::BashMode);
        let theirs = all.len();
        all.extend(ours());
        let new: Vec<&String> = all.keys().filter(|name| name.starts_with("__")).collect();
        assert_eq!(all.len(), theirs + new.len(), "what else we bring replaces theirs");
    }

    #[test]
    fn symbolic_masks_say_what_is_allowed() {
        assert_eq!(symbolic_mask(0o022, "g+w"), Some(0o002));
        assert_eq!(symbolic_mask(0o022, "u=rwx,go="), Some(0o077));
        assert_eq!(symbolic_mask(0o022, "u=q"), None);
    }
}
