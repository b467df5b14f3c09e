//! `sh`, `ash` and `bash`: brush, fitted with what the shell of a container needs.
//!
//! brush parses, expands and runs. Here stand the command line, the prompt and reading of commands ([`input`]), the words
//! of error messages ([`messages`]), signals and traps ([`signals`]), and the builtins that brush has not or not whole
//! ([`builtins`]).

mod arguments;
mod builtins;
mod input;
mod jobs;
mod messages;
mod rewrite;
mod signals;

use std::{collections::HashMap, fs::File, os::fd::AsFd, path::Path, process::ExitCode};

use brush_core::{ExecutionControlFlow, SourceInfo, openfiles::OpenFile};

use super::applets::{Args, applet_name};
use arguments::{Invocation, Source};

/// brush's shell with our words for its errors.
type Shell = brush_core::Shell<Extensions>;
/// The parts that we bring to brush.
type Extensions = brush_core::extensions::ShellExtensionsImpl<messages::Words>;

/// Runs the shell under the name in `args[0]`.
pub fn main(args: Args) -> ExitCode {
    let name = applet_name(args.first());
    let login = args.first().is_some_and(|a| a.to_string_lossy().starts_with('-'));
    let words: Vec<String> = args.into_iter().skip(1).map(|a| a.to_string_lossy().into_owned()).collect();
    let invocation = match arguments::parse(&name, login, words) {
        Ok(Some(invocation)) => invocation,
        Ok(None) => return ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("{name}: {message}");
            return ExitCode::from(2);
        }
    };
    // Two workers: a background job must go on while the shell itself sits in a blocking read.
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let status = match runtime {
        Ok(runtime) => runtime.block_on(run(&name, invocation)),
        Err(error) => {
            eprintln!("{name}: cannot start: {error}");
            2
        }
    };
    // Not `return`: dropping the runtime would wait for a thread that still reads from the terminal.
    std::process::exit(i32::from(status))
}

async fn run(name: &str, invocation: Invocation) -> u8 {
    let mut shell = match build(name, &invocation).await {
        Ok(shell) => shell,
        Err(error) => {
            eprintln!("{name}: {error}");
            return 2;
        }
    };
    signals::prepare(invocation.interactive);
    let result = match &invocation.source {
        Source::Command(text) => {
            shell.start_command_string_mode();
            let params = shell.default_exec_params();
            run_text(&mut shell, text.clone(), &SourceInfo::from("-c"), &params).await
        }
        Source::Script(file) => run_script(name, &mut shell, file).await,
        Source::Input => {
            return input::read_commands(&mut shell, invocation.interactive).await;
        }
    };
    finish(&mut shell, result).await
}

/// The status a shell ends with after `result`; runs the EXIT trap.
async fn finish(shell: &mut Shell, result: Result<brush_core::ExecutionResult, brush_core::Error>) -> u8 {
    if let Err(error) = &result {
        let _ = shell.display_error(&mut std::io::stderr(), error);
        shell.set_last_exit_status(1);
    }
    signals::run_pending(shell).await;
    let exits = result.as_ref().is_ok_and(|r| matches!(r.next_control_flow, ExecutionControlFlow::ExitShell));
    let status = match result {
        Ok(result) if exits => u8::from(result.exit_code),
        _ => shell.last_exit_status(),
    };
    shell.set_last_exit_status(status);
    let _ = shell.on_exit().await;
    status
}

async fn run_script(name: &str, shell: &mut Shell, file: &str) -> Result<brush_core::ExecutionResult, brush_core::Error> {
    let path = Path::new(file);
    let text = match std::fs::read(path) {
        Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(error) => {
            eprintln!("{name}: {file}: {}", crate::units::c_words(&error));
            let code = if error.kind() == std::io::ErrorKind::NotFound { 127 } else { 126 };
            shell.set_last_exit_status(code);
            return Ok(brush_core::ExecutionResult::new(code));
        }
    };
    let params = shell.default_exec_params();
    run_text(shell, text, &SourceInfo::from(path.to_owned()), &params).await
}

/// Parses, rewrites and runs a text: the one way that commands take into brush.
async fn run_text<SE: brush_core::ShellExtensions>(
    shell: &mut brush_core::Shell<SE>,
    text: String,
    place: &SourceInfo,
    params: &brush_core::ExecutionParameters,
) -> Result<brush_core::ExecutionResult, brush_core::Error> {
    match shell.parse_string(text.as_str()) {
        Ok(mut program) => {
            let functions = shell.funcs().iter().map(|(name, _)| name.clone()).collect();
            rewrite::program(&mut program, functions);
            match shell.run_program(program, params).await {
                Ok(result) => Ok(result),
                Err(error) => {
                    let _ = shell.display_error(&mut params.stderr(shell), &error);
                    let result = error.into_result(shell);
                    shell.set_last_exit_status(result.exit_code.into());
                    Ok(result)
                }
            }
        }
        // brush says what is wrong with it.
        Err(_) => shell.run_string(text, place, params).await,
    }
}

async fn build(name: &str, invocation: &Invocation) -> Result<Shell, brush_core::Error> {
    let posix = name != "bash";
    let shell_name = match &invocation.source {
        Source::Script(file) => file.clone(),
        _ => invocation.name.clone().unwrap_or_else(|| name.to_owned()),
    };
    let load = |skip: bool| if skip { brush_core::RcLoadBehavior::Skip } else { brush_core::RcLoadBehavior::LoadDefault };
    let builder = brush_core::Shell::builder_with_extensions::<Extensions>()
        .enable_options(invocation.enable.clone())
        .disable_options(invocation.disable.clone())
        .login(invocation.login)
        .interactive(invocation.interactive)
        .command_string_mode(matches!(invocation.source, Source::Command(_)))
        .read_commands_from_stdin(matches!(invocation.source, Source::Input))
        .no_editing(true)
        .profile(if invocation.login { brush_core::ProfileLoadBehavior::LoadDefault } else { brush_core::ProfileLoadBehavior::Skip })
        .rc(load(posix || !invocation.interactive || invocation.no_rc))
        .posix(posix || invocation.posix)
        .fds(standard_files())
        .shell_name(shell_name)
        .shell_args(invocation.arguments.clone())
        .shell_version("5.2.15".to_owned())
        .error_formatter(messages::Words);
    let builder = brush_builtins::ShellBuilderExt::default_builtins(builder, brush_builtins::BuiltinSet::BashMode);
    let mut builder = builder.builtins(builtins::ours());
    if invocation.interactive && std::env::var_os("PS1").is_none() {
        let prompt = if posix { "\\w \\$ " } else { "\\u@\\h:\\w\\$ " };
        builder = builder.var("PS1", brush_core::ShellVariable::new(prompt));
    }
    let mut shell = builder.build().await?;
    // brush's own sh mode is left alone: it mistakes `>&2` for `>&1`. POSIX mode without braces is what ash is.
    if posix {
        shell.options_mut().perform_brace_expansion = false;
        shell.options_mut().expand_aliases = true;
    }
    if !shell.env().is_set("PATH") {
        let path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
        shell.set_env_global("PATH", brush_core::ShellVariable::new(path))?;
    }
    Ok(shell)
}

/// Standard input, output and error as files of their own.
///
/// brush takes its own idea of "standard error" for "inherit" when it hands it to a command as standard output.
fn standard_files() -> HashMap<i32, OpenFile> {
    let (input, output, error) = (std::io::stdin(), std::io::stdout(), std::io::stderr());
    [(0, input.as_fd()), (1, output.as_fd()), (2, error.as_fd())]
        .into_iter()
        .filter_map(|(number, fd)| Some((number, OpenFile::from(File::from(fd.try_clone_to_owned().ok()?)))))
        .collect()
}
