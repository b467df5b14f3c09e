//! Capabilities by name, and the one-way step of a container's process down to its own. Never adds one.

use std::io;

use rustix::thread::{
    CapabilitiesSecureBits, CapabilitySet, CapabilitySets, capabilities, clear_ambient_capability_set, remove_capability_from_bounding_set,
    set_capabilities, set_capabilities_secure_bits,
};

/// Every capability's name without `CAP_`, in the kernel's order.
pub const NAMES: [&str; 41] = [
    "CHOWN",
    "DAC_OVERRIDE",
    "DAC_READ_SEARCH",
    "FOWNER",
    "FSETID",
    "KILL",
    "SETGID",
    "SETUID",
    "SETPCAP",
    "LINUX_IMMUTABLE",
    "NET_BIND_SERVICE",
    "NET_BROADCAST",
    "NET_ADMIN",
    "NET_RAW",
    "IPC_LOCK",
    "IPC_OWNER",
    "SYS_MODULE",
    "SYS_RAWIO",
    "SYS_CHROOT",
    "SYS_PTRACE",
    "SYS_PACCT",
    "SYS_ADMIN",
    "SYS_BOOT",
    "SYS_NICE",
    "SYS_RESOURCE",
    "SYS_TIME",
    "SYS_TTY_CONFIG",
    "MKNOD",
    "LEASE",
    "AUDIT_WRITE",
    "AUDIT_CONTROL",
    "SETFCAP",
    "MAC_OVERRIDE",
    "MAC_ADMIN",
    "SYSLOG",
    "WAKE_ALARM",
    "BLOCK_SUSPEND",
    "AUDIT_READ",
    "PERFMON",
    "BPF",
    "CHECKPOINT_RESTORE",
];

/// What a container has unless it is told otherwise.
pub const DEFAULT: [&str; 14] = [
    "CHOWN",
    "DAC_OVERRIDE",
    "FSETID",
    "FOWNER",
    "MKNOD",
    "NET_RAW",
    "SETGID",
    "SETUID",
    "SETFCAP",
    "SETPCAP",
    "NET_BIND_SERVICE",
    "SYS_CHROOT",
    "KILL",
    "AUDIT_WRITE",
];

/// The bit of a capability; takes its name in any case, with or without `CAP_`.
pub fn bit(name: &str) -> Option<u64> {
    let name = name.to_ascii_uppercase();
    let name = name.strip_prefix("CAP_").unwrap_or(&name);
    NAMES.iter().position(|n| *n == name).map(|i| 1 << i)
}

/// The bits of several names; unknown ones are left out.
pub fn bits(names: &[&str]) -> u64 {
    names.iter().filter_map(|n| bit(n)).fold(0, |all, bit| all | bit)
}

/// Keeps capabilities over the change of user that follows, so that [`limit`] can still be called after it.
pub fn keep_over_setuid() -> io::Result<()> {
    Ok(set_capabilities_secure_bits(CapabilitiesSecureBits::KEEP_CAPS)?)
}

/// Takes every capability outside `allowed` from the bounding set: no program started from here on can regain it.
pub fn bound(allowed: u64) -> io::Result<()> {
    for (index, _) in NAMES.iter().enumerate() {
        let bit = CapabilitySet::from_bits_retain(1 << index);
        if allowed & bit.bits() == 0 {
            match remove_capability_from_bounding_set(bit) {
                // The kernel is older than the capability.
                Ok(()) | Err(rustix::io::Errno::INVAL) => {}
                Err(e) => return Err(e.into()),
            }
        }
    }
    Ok(())
}

/// Leaves the process `allowed` of what it has, and nothing to be inherited.
pub fn limit(allowed: u64) -> io::Result<()> {
    let have = capabilities(None)?.permitted;
    let left = have & CapabilitySet::from_bits_retain(allowed);
    set_capabilities(None, CapabilitySets { effective: left, permitted: left, inheritable: CapabilitySet::empty() })?;
    let _ = clear_ambient_capability_set();
    let _ = set_capabilities_secure_bits(CapabilitiesSecureBits::empty());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_the_kernels_bits() {
        assert_eq!(bit("CAP_CHOWN"), Some(1));
        assert_eq!(bit("net_admin"), Some(1 << 12));
        assert_eq!(bit("CHECKPOINT_RESTORE"), Some(1 << 40));
        assert_eq!(bit("NOPE"), None);
        assert_eq!(bits(&DEFAULT), 0xa80425fb, "the set that Docker's containers show in /proc/self/status");
    }
}
