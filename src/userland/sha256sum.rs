//! `sha256sum`: digests of files, and checking of a list of them.

use std::{
    fs::File,
    io::{self, Read},
    process::ExitCode,
};

use sha2::{Digest, Sha256};

use super::applets::Args;

/// `sha256sum [-c] [FILE]…`.
pub fn main(args: Args) -> ExitCode {
    let args: Vec<String> = args.into_iter().skip(1).map(|a| a.to_string_lossy().into_owned()).collect();
    let check = args.iter().any(|a| a == "-c" || a == "--check");
    let mut files: Vec<&str> = args.iter().map(String::as_str).filter(|a| *a == "-" || !a.starts_with('-')).collect();
    if files.is_empty() {
        files.push("-");
    }
    let mut failed = false;
    for file in files {
        let result = if check { check_list(file) } else { digest(file).map(|sum| println!("{sum}  {file}")).map(|()| true) };
        match result {
            Ok(fine) => failed |= !fine,
            Err(error) => {
                eprintln!("sha256sum: {file}: {error}");
                failed = true;
            }
        }
    }
    ExitCode::from(u8::from(failed))
}

fn digest(file: &str) -> io::Result<String> {
    let mut input: Box<dyn Read> = if file == "-" { Box::new(io::stdin().lock()) } else { Box::new(File::open(file)?) };
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 64 * 1024];
    loop {
        match input.read(&mut buffer)? {
            0 => return Ok(hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect()),
            n => hasher.update(&buffer[..n]),
        }
    }
}

fn check_list(file: &str) -> io::Result<bool> {
    let list = if file == "-" { io::read_to_string(io::stdin())? } else { std::fs::read_to_string(file)? };
    let mut fine = true;
    for (expected, name) in list.lines().filter_map(|line| line.split_once([' ', '\t'])) {
        let name = name.trim_start_matches([' ', '*']);
        let same = digest(name).is_ok_and(|sum| sum == expected);
        println!("{name}: {}", if same { "OK" } else { "FAILED" });
        fine &= same;
    }
    Ok(fine)
}
