"""Tries from within a container to get out of it, or to do what a container may not do. Prints a line for each attempt that got through,
and at last how many attempts there were. Changes nothing that it does not find open.

Run by tests/engine_escapes.rs, with the machine's own Python mounted into the container.
"""

import ctypes
import errno
import fcntl
import os
import platform
import stat
import sys

libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long
tried = 0


def through(what, detail=""):
    print(f"got through: {what} {detail}".rstrip())


def call(what, number, *arguments):
    """A system call that must be refused; gives what it answered."""
    global tried
    tried += 1
    values = [ctypes.c_long(a) if isinstance(a, int) else a for a in arguments]
    ctypes.set_errno(0)
    result = libc.syscall(ctypes.c_long(number), *values)
    if result >= 0:
        through(what, f"answered {result}")
    elif ctypes.get_errno() not in (errno.EPERM, errno.EACCES, errno.ENOSYS, errno.EINVAL, errno.ENODEV):
        through(what, os.strerror(ctypes.get_errno()))
    return result


def attempt(what, action):
    """Something that must fail with an error of the system's."""
    global tried
    tried += 1
    try:
        through(what, action() or "")
    except OSError:
        pass


# Numbers of x86-64, of Arm, and who may not be asked.
NUMBERS = {
    "unshare": (272, 97), "setns": (308, 268), "mount": (165, 40), "umount2": (166, 39), "pivot_root": (155, 41),
    "open_tree": (428, 428), "move_mount": (429, 429), "fsopen": (430, 430), "fspick": (433, 433), "mount_setattr": (442, 442),
    "bpf": (321, 280), "userfaultfd": (323, 282), "keyctl": (250, 219), "add_key": (248, 217), "request_key": (249, 218),
    "perf_event_open": (298, 241), "io_uring_setup": (425, 425), "init_module": (175, 105), "finit_module": (313, 273),
    "delete_module": (176, 106), "kexec_load": (246, 104), "reboot": (169, 142), "swapon": (167, 224), "settimeofday": (164, 170),
    "clock_settime": (227, 112), "acct": (163, 89), "open_by_handle_at": (304, 265), "quotactl": (179, 60), "syslog": (103, 116),
    "sethostname": (170, 161), "setdomainname": (171, 162), "fanotify_init": (300, 262), "lookup_dcookie": (212, 18),
}
at = 0 if platform.machine() == "x86_64" else 1
number = {name: both[at] for name, both in NUMBERS.items()}
NEWNS, NEWUSER, NEWNET, NEWPID = 0x20000, 0x10000000, 0x40000000, 0x20000000
text = ctypes.create_string_buffer

for flag in (NEWUSER, NEWUSER | NEWNS, NEWNS, NEWNET, NEWPID):
    call(f"unshare {flag:x}", number["unshare"], flag)
for kind in ("mnt", "net", "pid", "uts", "ipc", "user", "cgroup"):
    descriptor = os.open(f"/proc/1/ns/{kind}", os.O_RDONLY)
    call(f"setns {kind}", number["setns"], descriptor, 0)
    os.close(descriptor)
call("mount tmpfs", number["mount"], text(b"none"), text(b"/mnt"), text(b"tmpfs"), 0, 0)
call("mount proc", number["mount"], text(b"proc"), text(b"/tmp"), text(b"proc"), 0, 0)
call("remount /proc/sys", number["mount"], text(b""), text(b"/proc/sys"), text(b""), 0x20 | 0x1000, 0)
call("bind /", number["mount"], text(b"/"), text(b"/tmp"), text(b""), 0x1000, 0)
call("umount /proc/sys", number["umount2"], text(b"/proc/sys"), 2)
call("umount /proc/kcore", number["umount2"], text(b"/proc/kcore"), 2)
call("pivot_root", number["pivot_root"], text(b"/"), text(b"/"))
call("open_tree", number["open_tree"], -100, text(b"/"), 1)
call("move_mount", number["move_mount"], -100, text(b"/proc"), -100, text(b"/tmp"), 0)
call("fsopen", number["fsopen"], text(b"tmpfs"), 0)
call("fspick", number["fspick"], -100, text(b"/"), 0)
call("mount_setattr", number["mount_setattr"], -100, text(b"/proc/sys"), 0, text(b"\0" * 32), 32)
call("bpf", number["bpf"], 0, text(b"\0" * 72), 72)
call("userfaultfd", number["userfaultfd"], 1)
call("keyctl", number["keyctl"], 0, -3, 1)
call("add_key", number["add_key"], text(b"user"), text(b"x"), text(b"y"), 1, -3)
call("request_key", number["request_key"], text(b"user"), text(b"x"), 0, -3)
call("perf_event_open", number["perf_event_open"], text(b"\0" * 120), 0, -1, -1, 0)
call("io_uring_setup", number["io_uring_setup"], 1, text(b"\0" * 120))
call("init_module", number["init_module"], text(b"x"), 1, text(b""))
call("finit_module", number["finit_module"], 0, text(b""), 0)
call("delete_module", number["delete_module"], text(b"nosuch"), 0x800)
call("kexec_load", number["kexec_load"], 0, 0, 0, 0)
call("reboot", number["reboot"], 0xFEE1DEAD, 672274793, 0, 0)
call("swapon", number["swapon"], text(b"/etc/passwd"), 0)
call("settimeofday", number["settimeofday"], 0, text(b"\0" * 8))
call("clock_settime", number["clock_settime"], 0, text(b"\0" * 16))
call("acct", number["acct"], text(b"/etc/passwd"))
call("quotactl", number["quotactl"], 0, 0, 0, 0)
call("syslog", number["syslog"], 3, text(b"\0" * 100), 100)
call("sethostname", number["sethostname"], text(b"other"), 5)
call("setdomainname", number["setdomainname"], text(b"other"), 5)
call("fanotify_init", number["fanotify_init"], 4, 0)
handle = text(b"\x08\0\0\0\x01\0\0\0\x02\0\0\0\0\0\0\0")
call("open_by_handle_at", number["open_by_handle_at"], os.open("/etc/hosts", os.O_RDONLY), handle, 0)
if at == 0:
    # The same calls by the numbers of the other ABI that a 64-bit kernel may have.
    for name in ("unshare", "mount", "bpf", "keyctl", "setns", "open_by_handle_at"):
        call(f"{name} of x32", 0x40000000 | number[name], NEWUSER, 0, 0, 0, 0)
attempt("vsock", lambda: __import__("socket").socket(40, 1))

# Devices: one can be made by root with the capability to do so, but not be used.
for name, kind, major, minor in (("disk", stat.S_IFBLK, 8, 0), ("vda", stat.S_IFBLK, 254, 0), ("mem", stat.S_IFCHR, 1, 1), ("kmsg", stat.S_IFCHR, 1, 11)):
    def device(path=f"/tmp/{name}", kind=kind, major=major, minor=minor):
        os.mknod(path, kind | 0o666, os.makedev(major, minor))
        os.close(os.open(path, os.O_RDONLY))
    attempt(f"device {name}", device)
for path in ("/dev/mem", "/dev/kmsg", "/dev/sda", "/dev/vda", "/dev/loop-control", "/dev/fuse"):
    attempt(path, lambda path=path: os.close(os.open(path, os.O_RDWR)))

# What the kernel lets its root set, and says to nobody else.
known = ["/proc/sys/kernel/core_pattern", "/proc/sys/kernel/modprobe", "/proc/sys/vm/drop_caches", "/proc/sysrq-trigger", "/sys/kernel/uevent_helper",
         "/proc/sys/fs/binfmt_misc/register", "/sys/fs/cgroup/release_agent", "/sys/fs/cgroup/memory/release_agent", "/sys/fs/cgroup/cgroup.procs"]
for path in known:
    attempt(path, lambda path=path: os.close(os.open(path, os.O_WRONLY)))
for top in ("/proc/sys", "/sys"):
    for folder, _, files in os.walk(top):
        for name in files:
            path = os.path.join(folder, name)
            if not os.path.islink(path):
                attempt(path, lambda path=path: os.close(os.open(path, os.O_WRONLY | os.O_NONBLOCK)))
for path in ("/proc/kcore", "/proc/timer_list", "/proc/keys", "/proc/latency_stats", "/proc/sched_debug"):
    tried += 1
    try:
        with open(path, "rb") as file:
            if file.read(64):
                through(f"reading {path}")
    except OSError:
        pass

# Nothing of the engine's or the monitor's is open in here.
for process in [p for p in os.listdir("/proc") if p.isdigit()]:
    tried += 1
    try:
        for name in os.listdir(f"/proc/{process}/fd"):
            target = os.readlink(f"/proc/{process}/fd/{name}")
            own = process == str(os.getpid()) and int(name) > 2
            if not own and (int(name) > 2 or not target.startswith(("pipe:", "/dev/null", "/dev/pts/", "socket:"))):
                through(f"descriptor {name} of process {process}", target)
    except OSError:
        pass

# Up and out of the root by a folder that is open.
def out_by_chroot():
    up = os.open("/", os.O_RDONLY)
    os.makedirs("/tmp/inner", exist_ok=True)
    os.chroot("/tmp/inner")
    os.fchdir(up)
    for _ in range(64):
        os.chdir("..")
    os.chroot(".")
    if os.path.exists(sys.argv[1]):
        return "the machine's files"
    raise OSError("still inside")


attempt("chroot", out_by_chroot)
# A byte for the terminal that is not ours to type on: without one there is none.
attempt("TIOCSTI", lambda: fcntl.ioctl(0, 0x5412, b"x"))
print(f"tried {tried}")
