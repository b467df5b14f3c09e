//! System calls, behind safe functions. With `pty` the only place of `unsafe`.
