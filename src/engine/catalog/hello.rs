//! The program of `hello-world`: a few machine instructions that write a text and end, for each platform.
//!
//! It is assembled here, since an image of a few kilobytes is half of what hello-world has to teach.

use super::image::Platform;

const TEXT: &str = "
Hello from a Dockside container!
If you can read this, everything on the way to it works.

What has just happened:
 1. The docker client asked the engine to run the image \"hello-world\".
 2. The engine looked for it here and, not finding it, pulled it.
    It took the one for this machine's platform ({platform}).
 3. The engine made a container of it and started the only program in it.
 4. That program wrote this text; the engine passed it on to the client.

A next step with more room to move in:
 $ docker run -it ubuntu bash
";

/// Where the program is loaded; the text follows the code.
const BASE: u64 = 0x40_0000;

/// The program for `platform` as an ELF executable. Where no code is known, it is the one for x86-64.
pub fn program(platform: Platform) -> Vec<u8> {
    let text = TEXT.replace("{platform}", &platform.name());
    match platform.architecture {
        "arm64" => elf64(183, arm64(text.len() as u32), &text),
        "arm" => elf32(40, arm(text.len() as u32), &text),
        _ => elf64(62, amd64(text.len() as u32), &text),
    }
}

fn amd64(length: u32) -> Vec<u8> {
    let mut code = vec![0xb8, 1, 0, 0, 0]; // mov eax, 1 (write)
    code.extend([0xbf, 1, 0, 0, 0]); // mov edi, 1
    code.extend([0x48, 0x8d, 0x35, 16, 0, 0, 0]); // lea rsi, [rip + 16]: past the code
    code.push(0xba); // mov edx, length
    code.extend(length.to_le_bytes());
    code.extend([0x0f, 0x05]); // syscall
    code.extend([0xb8, 60, 0, 0, 0]); // mov eax, 60 (exit)
    code.extend([0x31, 0xff]); // xor edi, edi
    code.extend([0x0f, 0x05]); // syscall
    code
}

fn arm64(length: u32) -> Vec<u8> {
    let adr = |register: u32, offset: u32| 0x1000_0000 | (offset & 3) << 29 | (offset >> 2) << 5 | register;
    words(&[
        0xd280_0020,               // mov x0, #1
        adr(1, 28),                // adr x1, text
        0xd280_0002 | length << 5, // mov x2, #length
        0xd280_0808,               // mov x8, #64 (write)
        0xd400_0001,               // svc #0
        0xd280_0000,               // mov x0, #0
        0xd280_0ba8,               // mov x8, #93 (exit)
        0xd400_0001,               // svc #0
    ])
}

fn arm(length: u32) -> Vec<u8> {
    words(&[
        0xe3a0_0001,                                             // mov r0, #1
        0xe28f_1014,                                             // add r1, pc, #20: past the code
        0xe300_2000 | (length & 0xf000) << 4 | (length & 0xfff), // movw r2, #length
        0xe3a0_7004,                                             // mov r7, #4 (write)
        0xef00_0000,                                             // svc #0
        0xe3a0_0000,                                             // mov r0, #0
        0xe3a0_7001,                                             // mov r7, #1 (exit)
        0xef00_0000,                                             // svc #0
    ])
}

fn words(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|w| w.to_le_bytes()).collect()
}

/// An executable of one readable and executable segment.
fn elf64(machine: u16, code: Vec<u8>, text: &str) -> Vec<u8> {
    let size = 64 + 56 + code.len() as u64 + text.len() as u64;
    let mut out = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0".to_vec();
    out.extend(2u16.to_le_bytes());
    out.extend(machine.to_le_bytes());
    out.extend(1u32.to_le_bytes());
    for field in [BASE + 64 + 56, 64, 0] {
        out.extend(field.to_le_bytes());
    }
    out.extend(0u32.to_le_bytes());
    for field in [64u16, 56, 1, 64, 0, 0] {
        out.extend(field.to_le_bytes());
    }
    out.extend(1u32.to_le_bytes());
    out.extend(5u32.to_le_bytes());
    for field in [0, BASE, BASE, size, size, 0x1000] {
        out.extend(field.to_le_bytes());
    }
    out.extend(code);
    out.extend(text.as_bytes());
    out
}

fn elf32(machine: u16, code: Vec<u8>, text: &str) -> Vec<u8> {
    let size = 52 + 32 + code.len() as u32 + text.len() as u32;
    let base = BASE as u32;
    let mut out = b"\x7fELF\x01\x01\x01\0\0\0\0\0\0\0\0\0".to_vec();
    out.extend(2u16.to_le_bytes());
    out.extend(machine.to_le_bytes());
    // The last of these says: version 5 of the Arm calling conventions.
    for field in [1, base + 52 + 32, 52, 0, 0x0500_0000] {
        out.extend(u32::to_le_bytes(field));
    }
    for field in [52u16, 32, 1, 40, 0, 0] {
        out.extend(field.to_le_bytes());
    }
    for field in [1, 0, base, base, size, size, 5, 0x1000] {
        out.extend(field.to_le_bytes());
    }
    out.extend(code);
    out.extend(text.as_bytes());
    out
}

#[cfg(test)]
mod tests {
    use std::{io::Write, os::unix::fs::OpenOptionsExt, process::Command};

    use super::*;

    #[test]
    fn the_native_program_says_hello() {
        let platform = Platform::native();
        if !matches!(platform.architecture, "amd64" | "arm64" | "arm") {
            println!("no machine code for {} here", platform.name());
            return;
        }
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("hello");
        let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o755).open(&path).unwrap();
        file.write_all(&program(platform)).unwrap();
        drop(file);
        // Another test's fork may hold the file open for writing for a moment.
        let output = loop {
            match Command::new(&path).output() {
                Err(error) if error.kind() == std::io::ErrorKind::ExecutableFileBusy => std::thread::yield_now(),
                other => break other.unwrap(),
            }
        };
        assert!(output.status.success());
        assert_eq!(String::from_utf8(output.stdout).unwrap(), TEXT.replace("{platform}", &platform.name()));
    }
}
