//! A seccomp profile in Docker's JSON (`--security-opt seccomp=FILE`), made into a filter for one container. Installs nothing.
//!
//! As in runc: names of calls that this machine's processor does not have are passed over, and rules that say what happens anyway, too.

use seccompiler::{SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition};
use serde::Deserialize;

use super::host::HostConfig;
use super::spec::Calls;
use crate::sys::caps;
use crate::sys::seccomp::{Filter, Rule};
use crate::units::quote;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[derive(Default)]
struct Profile {
    default_action: String,
    default_errno_ret: Option<u32>,
    architectures: Vec<String>,
    arch_map: Vec<serde_json::Value>,
    syscalls: Vec<Call>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Call {
    name: String,
    names: Vec<String>,
    action: String,
    errno_ret: Option<u32>,
    args: Option<Vec<Arg>>,
    includes: Option<Conditions>,
    excludes: Option<Conditions>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Arg {
    index: u8,
    value: u64,
    value_two: u64,
    op: String,
}

/// What a container and its machine are asked for before a rule counts.
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Conditions {
    caps: Option<Vec<String>>,
    arches: Option<Vec<String>>,
    min_kernel: String,
}

/// Which system calls a container's processes may make: of several options the last counts. The error is Docker's text.
pub(super) fn calls(host: &HostConfig, capabilities: u64) -> Result<Calls, String> {
    if host.privileged {
        return Ok(Calls::Any);
    }
    let mut given = host.security_opt.iter().flatten().filter_map(|o| o.strip_prefix("seccomp=").or_else(|| o.strip_prefix("seccomp:")));
    match given.next_back() {
        None | Some("" | "builtin") => Ok(Calls::Usual),
        Some("unconfined") => Ok(Calls::Any),
        // JSON that a client put in place of the file's name.
        Some(profile) => filter(profile, capabilities).map(Calls::Chosen),
    }
}

/// The filter for a container that has `capabilities` (bits as in `caps`); the error is Docker's text.
fn filter(json: &str, capabilities: u64) -> Result<Filter, String> {
    let profile: Profile = serde_json::from_str(json).map_err(|e| format!("Decoding seccomp profile failed: {e}"))?;
    if !profile.architectures.is_empty() && !profile.arch_map.is_empty() {
        return Err(
            "both 'architectures' and 'archMap' are specified in the seccomp profile, use either 'architectures' or 'archMap'".into()
        );
    }
    let default = action(&profile.default_action, profile.default_errno_ret)?;
    let mut rules = Vec::new();
    for call in &profile.syscalls {
        if !call.name.is_empty() && !call.names.is_empty() {
            return Err("both 'name' and 'names' are specified in the seccomp profile, use either 'name' or 'names'".into());
        }
        let holds = |conditions: &Option<Conditions>, empty| conditions.as_ref().map_or(empty, |c| c.hold(capabilities));
        let excluded = call.excludes.as_ref().is_some_and(|c| c.one_holds(capabilities));
        let wanted = action(&call.action, call.errno_ret)?;
        if excluded || !holds(&call.includes, true) || wanted == default {
            continue;
        }
        let conditions = call.args.iter().flatten().map(condition).collect::<Result<Vec<_>, _>>()?;
        for name in call.names.iter().chain(Some(&call.name).filter(|name| !name.is_empty())) {
            if let Ok(number) = name.parse::<syscalls::Sysno>() {
                rules.push(Rule { call: i64::from(number.id()), action: wanted.clone(), conditions: conditions.clone() });
            }
        }
    }
    Filter::of(&default, &rules).map_err(|e| format!("make the seccomp filter: {e}"))
}

fn action(name: &str, errno: Option<u32>) -> Result<SeccompAction, String> {
    let errno = errno.unwrap_or(libc::EPERM.cast_unsigned());
    Ok(match name {
        "SCMP_ACT_KILL" | "SCMP_ACT_KILL_THREAD" => SeccompAction::KillThread,
        "SCMP_ACT_KILL_PROCESS" => SeccompAction::KillProcess,
        "SCMP_ACT_TRAP" => SeccompAction::Trap,
        "SCMP_ACT_ERRNO" => SeccompAction::Errno(errno),
        "SCMP_ACT_TRACE" => SeccompAction::Trace(errno),
        "SCMP_ACT_ALLOW" => SeccompAction::Allow,
        "SCMP_ACT_LOG" => SeccompAction::Log,
        other => return Err(format!("string {} is not a valid action for seccomp", quote(other))),
    })
}

fn condition(arg: &Arg) -> Result<SeccompCondition, String> {
    let (op, value) = match arg.op.as_str() {
        "SCMP_CMP_NE" => (SeccompCmpOp::Ne, arg.value),
        "SCMP_CMP_LT" => (SeccompCmpOp::Lt, arg.value),
        "SCMP_CMP_LE" => (SeccompCmpOp::Le, arg.value),
        "SCMP_CMP_EQ" => (SeccompCmpOp::Eq, arg.value),
        "SCMP_CMP_GE" => (SeccompCmpOp::Ge, arg.value),
        "SCMP_CMP_GT" => (SeccompCmpOp::Gt, arg.value),
        // Here the first value is the mask, and the second what is compared.
        "SCMP_CMP_MASKED_EQ" => (SeccompCmpOp::MaskedEq(arg.value), arg.value_two),
        other => return Err(format!("string {} is not a valid operator for seccomp", quote(other))),
    };
    SeccompCondition::new(arg.index, SeccompCmpArgLen::Qword, op, value).map_err(|e| e.to_string())
}

impl Conditions {
    fn has(capabilities: u64, name: &str) -> bool {
        caps::bit(name).is_some_and(|bit| capabilities & bit != 0)
    }

    /// All that is asked for is there.
    fn hold(&self, capabilities: u64) -> bool {
        self.arches.iter().flatten().next().is_none_or(|_| self.arches.iter().flatten().any(|a| a == architecture()))
            && self.caps.iter().flatten().all(|name| Conditions::has(capabilities, name))
            && (self.min_kernel.is_empty() || is_kernel(&self.min_kernel))
    }

    /// Something that is asked for is there.
    fn one_holds(&self, capabilities: u64) -> bool {
        self.arches.iter().flatten().any(|a| a == architecture())
            || self.caps.iter().flatten().any(|name| Conditions::has(capabilities, name))
            || (!self.min_kernel.is_empty() && is_kernel(&self.min_kernel))
    }
}

/// This machine's architecture as Go names it.
fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

/// Whether the kernel is of this version or a later one: `4.8`.
fn is_kernel(least: &str) -> bool {
    let numbers = |text: &str| -> Vec<u32> {
        let version = text.split(|c: char| !c.is_ascii_digit() && c != '.').next().unwrap_or_default();
        version.split('.').take(2).filter_map(|n| n.parse().ok()).collect()
    };
    numbers(&rustix::system::uname().release().to_string_lossy()) >= numbers(least)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn profiles_are_read_and_what_is_wrong_is_said() {
        let allow = |calls: &str| format!("{{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{calls}]}}");
        assert!(filter(&allow("{\"names\":[\"chmod\",\"no_such_call\"],\"action\":\"SCMP_ACT_ERRNO\"}"), 0).is_ok());
        for (json, words) in [
            ("{", "Decoding seccomp profile failed"),
            ("{}", "string \"\" is not a valid action for seccomp"),
            (&allow("{\"name\":\"chmod\",\"names\":[\"chown\"],\"action\":\"SCMP_ACT_ERRNO\"}"), "both 'name' and 'names'"),
            (
                &allow("{\"name\":\"chmod\",\"action\":\"SCMP_ACT_ERRNO\",\"args\":[{\"op\":\"SCMP_CMP_NO\"}]}"),
                "string \"SCMP_CMP_NO\" is not a valid operator for seccomp",
            ),
        ] {
            let error = filter(json, 0).err().unwrap_or_default();
            assert!(error.contains(words), "{json}: {error}");
        }
        assert!(is_kernel("2.6") && is_kernel("") && !is_kernel("999.1"));
    }
}
