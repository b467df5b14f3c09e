//! Texts and dates that several images share.

/// When the userland layer's files were last changed: 2025-05-20, in seconds since 1970.
pub const USERLAND_TIME: u64 = 1_747_699_200;

/// The commands of the userland, sorted: what answers to them is in the program itself, which must not fall short of this list.
pub const COMMANDS: &[&str] = &[
    "[",
    "ash",
    "awk",
    "base64",
    "basename",
    "bash",
    "busybox",
    "cat",
    "chmod",
    "chown",
    "chroot",
    "clear",
    "cp",
    "cut",
    "date",
    "dd",
    "df",
    "diff",
    "dirname",
    "du",
    "echo",
    "egrep",
    "env",
    "expr",
    "false",
    "fgrep",
    "find",
    "free",
    "grep",
    "gunzip",
    "gzip",
    "head",
    "hostname",
    "httpd",
    "id",
    "ip",
    "kill",
    "killall",
    "less",
    "ln",
    "ls",
    "md5sum",
    "mkdir",
    "mkfifo",
    "mknod",
    "mktemp",
    "more",
    "mount",
    "mv",
    "nc",
    "netstat",
    "nproc",
    "nslookup",
    "pidof",
    "ping",
    "printenv",
    "printf",
    "ps",
    "pwd",
    "readlink",
    "realpath",
    "rm",
    "rmdir",
    "sed",
    "seq",
    "setsid",
    "sh",
    "sha1sum",
    "sha256sum",
    "sha512sum",
    "sleep",
    "sort",
    "stat",
    "stty",
    "sync",
    "tail",
    "tar",
    "tee",
    "telnet",
    "test",
    "timeout",
    "top",
    "touch",
    "tr",
    "true",
    "tty",
    "umount",
    "uname",
    "uniq",
    "uptime",
    "usleep",
    "vi",
    "wc",
    "wget",
    "which",
    "whoami",
    "xargs",
    "yes",
    "zcat",
];

/// Commands that only some image has.
pub const OF_ONE_IMAGE: &[&str] = &["gosu", "redis-cli", "redis-server", "registry", "ryuk"];

/// The search path of distributions.
pub const PATH: &str = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// `/etc` of the BusyBox tree.
pub const BUSYBOX_ETC: &[(&str, &str)] = &[
    (
        "etc/group",
        "root:x:0:\ndaemon:x:1:\nbin:x:2:\nsys:x:3:\nadm:x:4:\ntty:x:5:\ndisk:x:6:\nlp:x:7:\nmail:x:8:\nkmem:x:9:\nwheel:x:10:root\n\
         cdrom:x:11:\ndialout:x:18:\nfloppy:x:19:\nvideo:x:28:\naudio:x:29:\ntape:x:32:\nwww-data:x:33:\noperator:x:37:\nutmp:x:43:\n\
         plugdev:x:46:\nstaff:x:50:\nlock:x:54:\nnetdev:x:82:\nusers:x:100:\nnobody:x:65534:\n",
    ),
    (
        "etc/passwd",
        "root:x:0:0:root:/root:/bin/sh\ndaemon:x:1:1:daemon:/usr/sbin:/bin/false\nbin:x:2:2:bin:/bin:/bin/false\n\
         sys:x:3:3:sys:/dev:/bin/false\nwww-data:x:33:33:www-data:/var/www:/bin/false\nnobody:x:65534:65534:nobody:/home:/bin/false\n",
    ),
    ("etc/shadow", "root:*:::::::\ndaemon:*:::::::\nbin:*:::::::\nsys:*:::::::\nwww-data:*:::::::\nnobody:*:::::::\n"),
];

/// `/etc/group` of the distributions.
pub const GROUP: &str = "root:x:0:\ndaemon:x:1:\nbin:x:2:\nsys:x:3:\nadm:x:4:\ntty:x:5:\ndisk:x:6:\nlp:x:7:\nmail:x:8:\nnews:x:9:\n\
                         uucp:x:10:\nman:x:12:\nproxy:x:13:\nwww-data:x:33:\nbackup:x:34:\nusers:x:100:\nnogroup:x:65534:\n";

/// `/etc/passwd` of the distributions.
pub const PASSWD: &str = "root:x:0:0:root:/root:/bin/bash\ndaemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin\n\
                          bin:x:2:2:bin:/bin:/usr/sbin/nologin\nsys:x:3:3:sys:/dev:/usr/sbin/nologin\n\
                          man:x:6:12:man:/var/cache/man:/usr/sbin/nologin\nmail:x:8:8:mail:/var/mail:/usr/sbin/nologin\n\
                          www-data:x:33:33:www-data:/var/www:/usr/sbin/nologin\nbackup:x:34:34:backup:/var/backups:/usr/sbin/nologin\n\
                          nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n";

/// `/etc/passwd` of Alpine, as far as its users matter in a lesson.
pub const ALPINE_PASSWD: &str = "root:x:0:0:root:/root:/bin/sh\nbin:x:1:1:bin:/bin:/sbin/nologin\ndaemon:x:2:2:daemon:/sbin:/sbin/nologin\n\
                                 mail:x:8:12:mail:/var/mail:/sbin/nologin\nman:x:13:15:man:/usr/man:/sbin/nologin\n\
                                 postgres:x:70:70::/var/lib/postgresql:/bin/sh\nguest:x:405:100:guest:/dev/null:/sbin/nologin\n\
                                 nobody:x:65534:65534:nobody:/:/sbin/nologin\n";

/// `/etc/group` of Alpine.
pub const ALPINE_GROUP: &str = "root:x:0:root\nbin:x:1:root,bin,daemon\ndaemon:x:2:root,bin,daemon\nsys:x:3:root,bin\nadm:x:4:root,daemon\n\
                                tty:x:5:\ndisk:x:6:root\nwheel:x:10:root\nmail:x:12:mail\nman:x:15:man\nshadow:x:42:\npostgres:x:70:\n\
                                users:x:100:\nnogroup:x:65533:\nnobody:x:65534:\n";
