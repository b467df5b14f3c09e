//! System calls, behind safe functions. With `pty` the only place of `unsafe`.

#[cfg(target_os = "linux")]
pub mod process;
#[cfg(target_os = "linux")]
pub mod userns;
