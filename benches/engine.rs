//! The engine's work on images and containers beside programs that do no more than the machine must: `docker images` beside an exec,
//! `docker import` beside `tar -x`, `diff` and `commit` over a big image and a small one, and a hundred containers side by side.
//! Prints medians and ratios. `DOCKSIDE_BENCH_MB` is the size of the big archive (200).

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

#[path = "shared/mod.rs"]
mod shared;

const SIDE_BY_SIDE: usize = 100;

fn main() {
    // `cargo bench` says so; `cargo test --benches` only wants to know that it compiles.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let megabytes = std::env::var("DOCKSIDE_BENCH_MB").ok().and_then(|n| n.parse().ok()).unwrap_or(200);
    let dir = tempfile::tempdir().expect("a temporary folder");
    let bench = Bench { binary: env!("CARGO_BIN_EXE_dockside"), dir: dir.path() };
    let Some(mut engine) = bench.serve() else { return };
    if bench.docker("docker pull -q busybox") {
        bench.images();
        bench.import(megabytes);
        bench.change();
        bench.many();
    } else {
        println!("left out: the engine cannot pull busybox");
    }
    bench.docker("docker rm -f $(docker ps -aq)");
    let _ = engine.kill();
    let _ = engine.wait();
}

struct Bench<'a> {
    binary: &'a str,
    dir: &'a Path,
}

impl Bench<'_> {
    fn serve(&self) -> Option<Child> {
        let child = shared::serve(self.binary, self.dir)?;
        std::os::unix::fs::symlink(self.binary, self.dir.join("docker")).expect("a link");
        Some(child)
    }

    fn shell(&self, line: &str) -> Command {
        let mut command = Command::new("sh");
        let path = format!("{}:{}", self.dir.display(), std::env::var("PATH").unwrap_or_default());
        command.args(["-c", line]).current_dir(self.dir).env("PATH", path);
        command.env("DOCKER_HOST", format!("unix://{}/s", self.dir.display()));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command
    }

    /// Runs a line of a shell with `docker` as the engine's client; says whether it succeeded.
    fn docker(&self, line: &str) -> bool {
        self.shell(line).status().is_ok_and(|status| status.success())
    }

    /// The median of some rounds of a line, each after another line that is not measured.
    fn median(&self, name: &str, rounds: usize, before: &str, line: &str) -> f64 {
        let mut times: Vec<f64> = (0..rounds)
            .map(|_| {
                self.docker(before);
                let start = Instant::now();
                assert!(self.docker(line), "{line} fails");
                start.elapsed().as_secs_f64() * 1e3
            })
            .collect();
        times.sort_by(f64::total_cmp);
        println!("{name:>34}  {:>9.1} ms", times[rounds / 2]);
        times[rounds / 2]
    }

    fn images(&self) {
        let exec = self.median("an exec of the binary", 21, "true", "exec docker --version");
        let list = self.median("docker images", 21, "true", "exec docker images");
        println!("{:>34}  {:>9.2} times", "", list / exec);
    }

    fn import(&self, megabytes: usize) {
        // As a distribution is: many files, of which most are small.
        let mut noise = 1_u32;
        for number in 0..megabytes * 32 {
            let folder = self.dir.join(format!("tree/{}", number / 100));
            fs::create_dir_all(&folder).expect("a folder");
            let content: Vec<u8> = (0..32 << 10)
                .map(|_| {
                    noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    (noise >> 24) as u8
                })
                .collect();
            fs::write(folder.join(number.to_string()), content).expect("a file");
        }
        assert!(self.docker("tar cf big.tar -C tree . && rm -rf tree"));
        let tar = self.median(&format!("tar -x of {megabytes} MB"), 3, "rm -rf out; mkdir out", "tar xf big.tar -C out && sync -f out");
        let import = self.median("docker import of it", 3, "docker rmi big", "docker import big.tar big");
        println!("{:>34}  {:>9.2} times", "", import / tar);
        self.docker("rm -rf out big.tar");
    }

    /// What changes is the same over a small image and over the big one; so should be the time.
    fn change(&self) {
        let binary = "docker create --name small busybox; docker create --name large big true; echo x > x; docker cp x small:/x; docker cp x large:/x";
        self.docker(binary);
        for command in ["diff", "commit"] {
            let small = self.median(&format!("docker {command} over a small image"), 7, "true", &format!("docker {command} small"));
            let large = self.median(&format!("docker {command} over the big one"), 7, "true", &format!("docker {command} large"));
            println!("{:>34}  {:>9.2} times", "", large / small);
        }
    }

    fn many(&self) {
        let start = Instant::now();
        let line = format!(
            "for i in $(seq {SIDE_BY_SIDE}); do docker run -d busybox sleep 1000 & done; wait; [ $(docker ps -q | wc -l) -ge {SIDE_BY_SIDE} ]"
        );
        assert!(self.docker(&line), "not all of {SIDE_BY_SIDE} containers run");
        println!("{:>34}  {:>9.1} ms", format!("{SIDE_BY_SIDE} containers started"), start.elapsed().as_secs_f64() * 1e3);
        self.median("one more beside them", 11, "true", "exec docker run --rm busybox true");
        self.median("docker ps of them", 11, "true", "exec docker ps");
        let start = Instant::now();
        assert!(self.docker("docker rm -f $(docker ps -aq)"));
        println!("{:>34}  {:>9.1} ms", "all of them removed", start.elapsed().as_secs_f64() * 1e3);
    }
}
