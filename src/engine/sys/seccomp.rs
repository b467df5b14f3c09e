//! The system-call filters of containers. The engine's own is data: the calls that Docker's documentation lists as denied, everything
//! else being allowed. Of users' own it knows the rules, not the files.

use std::collections::BTreeMap;
use std::io;

use seccompiler::{BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule, TargetArch};
use serde::{Deserialize, Serialize};

use super::caps;

/// Calls that a container may not make, and the capability that allows each after all (`None`: none does).
const DENIED: &[(libc::c_long, Option<&str>)] = &[
    (libc::SYS_acct, Some("SYS_PACCT")),
    (libc::SYS_add_key, None),
    (libc::SYS_bpf, Some("SYS_ADMIN")),
    (libc::SYS_clock_adjtime, Some("SYS_TIME")),
    (libc::SYS_clock_settime, Some("SYS_TIME")),
    (libc::SYS_delete_module, Some("SYS_MODULE")),
    (libc::SYS_fanotify_init, Some("SYS_ADMIN")),
    (libc::SYS_finit_module, Some("SYS_MODULE")),
    (libc::SYS_fsconfig, Some("SYS_ADMIN")),
    (libc::SYS_fsmount, Some("SYS_ADMIN")),
    (libc::SYS_fsopen, Some("SYS_ADMIN")),
    (libc::SYS_fspick, Some("SYS_ADMIN")),
    (libc::SYS_get_mempolicy, Some("SYS_NICE")),
    (libc::SYS_init_module, Some("SYS_MODULE")),
    (libc::SYS_io_uring_enter, None),
    (libc::SYS_io_uring_register, None),
    (libc::SYS_io_uring_setup, None),
    (libc::SYS_kcmp, Some("SYS_PTRACE")),
    (libc::SYS_kexec_file_load, Some("SYS_BOOT")),
    (libc::SYS_kexec_load, Some("SYS_BOOT")),
    (libc::SYS_keyctl, None),
    (libc::SYS_lookup_dcookie, Some("SYS_ADMIN")),
    (libc::SYS_mbind, Some("SYS_NICE")),
    (libc::SYS_mount, Some("SYS_ADMIN")),
    (libc::SYS_mount_setattr, Some("SYS_ADMIN")),
    (libc::SYS_move_mount, Some("SYS_ADMIN")),
    (libc::SYS_move_pages, None),
    (libc::SYS_nfsservctl, None),
    (libc::SYS_open_by_handle_at, Some("DAC_READ_SEARCH")),
    (libc::SYS_open_tree, Some("SYS_ADMIN")),
    (libc::SYS_perf_event_open, Some("PERFMON")),
    (libc::SYS_pivot_root, None),
    (libc::SYS_process_madvise, Some("SYS_PTRACE")),
    (libc::SYS_quotactl, Some("SYS_ADMIN")),
    (libc::SYS_quotactl_fd, Some("SYS_ADMIN")),
    (libc::SYS_reboot, Some("SYS_BOOT")),
    (libc::SYS_request_key, None),
    (libc::SYS_set_mempolicy, Some("SYS_NICE")),
    (libc::SYS_setdomainname, Some("SYS_ADMIN")),
    (libc::SYS_sethostname, Some("SYS_ADMIN")),
    (libc::SYS_setns, Some("SYS_ADMIN")),
    (libc::SYS_settimeofday, Some("SYS_TIME")),
    (libc::SYS_swapoff, None),
    (libc::SYS_swapon, None),
    (libc::SYS_syslog, Some("SYSLOG")),
    (libc::SYS_umount2, Some("SYS_ADMIN")),
    (libc::SYS_unshare, Some("SYS_ADMIN")),
    (libc::SYS_userfaultfd, None),
    (libc::SYS_vhangup, Some("SYS_TTY_CONFIG")),
    #[cfg(target_arch = "x86_64")]
    (libc::SYS__sysctl, None),
    #[cfg(target_arch = "x86_64")]
    (libc::SYS_ioperm, Some("SYS_RAWIO")),
    #[cfg(target_arch = "x86_64")]
    (libc::SYS_iopl, Some("SYS_RAWIO")),
    #[cfg(target_arch = "x86_64")]
    (libc::SYS_sysfs, None),
    #[cfg(target_arch = "x86_64")]
    (libc::SYS_uselib, None),
    #[cfg(target_arch = "x86_64")]
    (libc::SYS_ustat, None),
];

/// The namespaces that `clone` may not make without CAP_SYS_ADMIN.
const NEW_NAMESPACES: [libc::c_int; 7] = [
    libc::CLONE_NEWNS,
    libc::CLONE_NEWUTS,
    libc::CLONE_NEWIPC,
    libc::CLONE_NEWUSER,
    libc::CLONE_NEWPID,
    libc::CLONE_NEWNET,
    libc::CLONE_NEWCGROUP,
];

/// A filter ready for the kernel.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(from = "Vec<Vec<Step>>", into = "Vec<Vec<Step>>")]
pub struct Filter(Vec<BpfProgram>);

/// An instruction of a filter that goes from one process to another.
type Step = (u16, u8, u8, u32);

impl From<Vec<Vec<Step>>> for Filter {
    fn from(programs: Vec<Vec<Step>>) -> Filter {
        let step = |(code, jt, jf, k)| seccompiler::sock_filter { code, jt, jf, k };
        Filter(programs.into_iter().map(|program| program.into_iter().map(step).collect()).collect())
    }
}

impl From<Filter> for Vec<Vec<Step>> {
    fn from(Filter(programs): Filter) -> Self {
        programs.into_iter().map(|program| program.into_iter().map(|s| (s.code, s.jt, s.jf, s.k)).collect()).collect()
    }
}

/// What happens to a call whose arguments meet all conditions.
pub struct Rule {
    pub call: i64,
    pub action: SeccompAction,
    pub conditions: Vec<SeccompCondition>,
}

/// The filter for a container that has `capabilities` (bits as in `caps`).
pub fn default_filter(capabilities: u64) -> io::Result<Filter> {
    let has = |name: &str| caps::bit(name).is_some_and(|bit| capabilities & bit != 0);
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> =
        DENIED.iter().filter(|(_, unless)| !unless.is_some_and(has)).map(|(call, _)| (*call, Vec::new())).collect();
    let admin = has("SYS_ADMIN");
    if !admin {
        let rules_for_clone = NEW_NAMESPACES
            .iter()
            .map(|flag| {
                let flag = u64::from(flag.cast_unsigned());
                let condition = SeccompCondition::new(0, SeccompCmpArgLen::Qword, SeccompCmpOp::MaskedEq(flag), flag)?;
                SeccompRule::new(vec![condition])
            })
            .collect::<Result<Vec<_>, _>>()
            .map_err(io::Error::other)?;
        rules.insert(libc::SYS_clone, rules_for_clone);
    }
    // From a virtual machine's such sockets lead to the machine it runs on, whatever the network namespace.
    let vsock = SeccompCondition::new(0, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, u64::from(libc::AF_VSOCK.cast_unsigned()))
        .and_then(|condition| SeccompRule::new(vec![condition]))
        .map_err(io::Error::other)?;
    rules.insert(libc::SYS_socket, vec![vsock]);
    let mut programs = vec![compile(rules, libc::EPERM)?];
    #[cfg(target_arch = "x86_64")]
    programs.push(no_x32());
    if !admin {
        // The arguments of clone3 are out of a filter's sight; a program told that there is no such call uses clone.
        programs.push(compile(BTreeMap::from([(libc::SYS_clone3, Vec::new())]), libc::ENOSYS)?);
    }
    Ok(Filter(programs))
}

/// Refuses the calls of the x32 ABI: they have numbers of their own, which no rule names.
#[cfg(target_arch = "x86_64")]
fn no_x32() -> BpfProgram {
    const X32: u32 = 0x4000_0000;
    let step = |code: u32, jf: u8, k: u32| seccompiler::sock_filter { code: code as u16, jt: 0, jf, k };
    vec![
        // The number stands at the start of what a filter sees.
        step(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0),
        step(libc::BPF_JMP | libc::BPF_JGE | libc::BPF_K, 1, X32),
        step(libc::BPF_RET | libc::BPF_K, 0, libc::SECCOMP_RET_ERRNO | libc::ENOSYS.cast_unsigned()),
        step(libc::BPF_RET | libc::BPF_K, 0, libc::SECCOMP_RET_ALLOW),
    ]
}

fn compile(rules: BTreeMap<i64, Vec<SeccompRule>>, errno: libc::c_int) -> io::Result<BpfProgram> {
    let arch = TargetArch::try_from(std::env::consts::ARCH).map_err(io::Error::other)?;
    let filter =
        SeccompFilter::new(rules, SeccompAction::Allow, SeccompAction::Errno(errno.cast_unsigned()), arch).map_err(io::Error::other)?;
    filter.try_into().map_err(io::Error::other)
}

impl Filter {
    /// The filter with these rules, and `default` for all other calls. Of two rules for one call the stricter counts.
    ///
    /// A program knows two answers only, and of what several say the kernel takes the strictest. So one lets everything pass that has a
    /// rule and gives the default to the rest, and one more for each answer gives that.
    pub fn of(default: &SeccompAction, rules: &[Rule]) -> io::Result<Filter> {
        let chosen = |wanted: &dyn Fn(&SeccompAction) -> bool| {
            let mut map: BTreeMap<i64, Vec<SeccompRule>> = BTreeMap::new();
            let mut always = Vec::new();
            for rule in rules.iter().filter(|rule| wanted(&rule.action)) {
                let conditions = map.entry(rule.call).or_default();
                if rule.conditions.is_empty() {
                    always.push(rule.call);
                } else {
                    conditions.push(SeccompRule::new(rule.conditions.clone()).map_err(io::Error::other)?);
                }
            }
            // No conditions at all stand for any arguments.
            always.iter().for_each(|call| drop(map.insert(*call, Vec::new())));
            Ok::<_, io::Error>(map)
        };
        let arch = TargetArch::try_from(std::env::consts::ARCH).map_err(io::Error::other)?;
        let program = |rules, other: SeccompAction, matched: SeccompAction| -> io::Result<BpfProgram> {
            SeccompFilter::new(rules, other, matched, arch).and_then(TryInto::try_into).map_err(io::Error::other)
        };
        let mut programs = Vec::new();
        if *default != SeccompAction::Allow {
            programs.push(program(chosen(&|_| true)?, default.clone(), SeccompAction::Allow)?);
        }
        let mut answers: Vec<SeccompAction> = Vec::new();
        for rule in rules.iter().filter(|rule| rule.action != SeccompAction::Allow) {
            if !answers.contains(&rule.action) {
                answers.push(rule.action.clone());
            }
        }
        for answer in answers {
            programs.push(program(chosen(&|action| *action == answer)?, SeccompAction::Allow, answer.clone())?);
        }
        #[cfg(target_arch = "x86_64")]
        programs.push(no_x32());
        Ok(Filter(programs))
    }

    /// Puts the calling process under the filter, without setting no_new_privs; needs CAP_SYS_ADMIN or no_new_privs.
    pub fn install(&self) -> io::Result<()> {
        for program in &self.0 {
            let length = u16::try_from(program.len()).map_err(io::Error::other)?;
            // `seccompiler::sock_filter` and the C library's are one struct under two names.
            let program = libc::sock_fprog { len: length, filter: program.as_ptr().cast_mut().cast() };
            // SAFETY: the kernel copies the program, which outlives the call.
            let result = unsafe { libc::syscall(libc::SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER, 0, &raw const program) };
            if result < 0 {
                return Err(io::Error::last_os_error());
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_container_with_every_capability_has_a_shorter_filter() {
        let (all, none) = (default_filter(u64::MAX).unwrap(), default_filter(0).unwrap());
        assert!(all.0[0].len() < none.0[0].len());
        assert_eq!(none.0.len(), all.0.len() + 1);
    }
}
