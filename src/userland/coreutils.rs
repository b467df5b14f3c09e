//! The commands that uutils provides, each behind its localisation and its own exit status.
//!
//! Their messages come out of texts embedded in the binary: an image holds no locale files.

use std::{io::Write, process::ExitCode};

use super::applets::Args;

/// Runs one uutils command as its own `main` would.
fn run(util: &str, args: Args, uumain: fn(std::vec::IntoIter<std::ffi::OsString>) -> i32) -> ExitCode {
    uucore::panic::preserve_inherited_sigpipe();
    uucore::panic::mute_sigpipe_panic();
    if let Err(error) = uucore::locale::setup_localization(util) {
        eprintln!("{util}: cannot load its messages: {error}");
        return ExitCode::from(99);
    }
    let code = uumain(args.into_iter());
    if let Err(error) = std::io::stdout().flush()
        && error.kind() != std::io::ErrorKind::BrokenPipe
    {
        eprintln!("{util}: write error: {error}");
        return ExitCode::FAILURE;
    }
    ExitCode::from(u8::try_from(code).unwrap_or(1))
}

macro_rules! coreutils {
    ($($name:ident => $util:ident,)*) => {
        $(
            #[doc = concat!("`", stringify!($name), "`, as uutils has it.")]
            pub fn $name(args: Args) -> ExitCode {
                run(stringify!($name), args, $util::uumain)
            }
        )*
    };
}

coreutils! {
    base64 => uu_base64,
    basename => uu_basename,
    cat => uu_cat,
    chmod => uu_chmod,
    chown => uu_chown,
    cp => uu_cp,
    cut => uu_cut,
    date => uu_date,
    dd => uu_dd,
    df => uu_df,
    dirname => uu_dirname,
    du => uu_du,
    echo => uu_echo,
    env => uu_env,
    head => uu_head,
    hostname => uu_hostname,
    ln => uu_ln,
    ls => uu_ls,
    mkdir => uu_mkdir,
    mktemp => uu_mktemp,
    mv => uu_mv,
    nproc => uu_nproc,
    printenv => uu_printenv,
    printf => uu_printf,
    pwd => uu_pwd,
    readlink => uu_readlink,
    rm => uu_rm,
    rmdir => uu_rmdir,
    seq => uu_seq,
    sleep => uu_sleep,
    sort => uu_sort,
    stat => uu_stat,
    sync => uu_sync,
    tail => uu_tail,
    tee => uu_tee,
    test => uu_test,
    touch => uu_touch,
    tr => uu_tr,
    tty => uu_tty,
    uname => uu_uname,
    uniq => uu_uniq,
    wc => uu_wc,
    yes => uu_yes,
}

/// `sed`, as uutils has it.
pub fn sed(args: Args) -> ExitCode {
    run("sed", args, ::sed::sed::uumain)
}
