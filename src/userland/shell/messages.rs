//! What the shell says when something fails, in the words that students meet elsewhere.

use brush_core::{Error, ErrorKind, Shell, ShellExtensions, extensions::ErrorFormatter};

/// brush's errors in the words of bash and ash.
#[derive(Clone, Copy, Default)]
pub struct Words;

impl ErrorFormatter for Words {
    fn format_error(&self, error: &Error, shell: &Shell<impl ShellExtensions>) -> String {
        let name = shell.current_shell_name().map_or_else(|| "sh".to_owned(), |n| n.into_owned());
        let bash = !shell.options().posix_mode;
        let place = if bash && !shell.options().interactive {
            let line = shell.call_stack().current_frame().and_then(|f| f.current_line()).unwrap_or(1);
            format!("{name}: line {line}")
        } else {
            name
        };
        let text = match error.kind() {
            ErrorKind::CommandNotFound(command) if command.contains('/') => format!("{command}: {}", missing(bash)),
            ErrorKind::CommandNotFound(command) if bash => format!("{command}: command not found"),
            ErrorKind::CommandNotFound(command) => format!("{command}: not found"),
            ErrorKind::FailedToExecuteCommand(command, error) => format!("{command}: {}", crate::units::c_words(error)),
            ErrorKind::RedirectionFailure(file, why) if bash => format!("{file}: {}", strip(why)),
            ErrorKind::RedirectionFailure(file, why) => format!("can't open {file}: {}", strip(why)),
            ErrorKind::FailedSourcingFile(file, error) => format!("{}: {}", file.display(), crate::units::c_words(error)),
            ErrorKind::WorkingDirMissing(dir) => format!("{}: {}", dir.display(), missing(bash)),
            ErrorKind::NotADirectory(dir) => format!("{}: Not a directory", dir.display()),
            ErrorKind::ExpandingUnsetVariable(variable) if bash => format!("{variable}: unbound variable"),
            ErrorKind::ExpandingUnsetVariable(variable) => format!("{variable}: parameter not set"),
            ErrorKind::CheckedExpansionError(message) => message.clone(),
            ErrorKind::IoError(error) => crate::units::c_words(error),
            ErrorKind::ParseError(error, _) => {
                let text = error.to_string();
                if text.starts_with("syntax error") { text } else { format!("syntax error: {text}") }
            }
            ErrorKind::ReadonlyVariable => "readonly variable".into(),
            _ => strip(&error.to_string()),
        };
        format!("{place}: {text}\n")
    }
}

fn missing(bash: bool) -> &'static str {
    if bash { "No such file or directory" } else { "not found" }
}

fn strip(text: &str) -> String {
    text.split(" (os error").next().unwrap_or(text).to_owned()
}
