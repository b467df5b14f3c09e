//! `nslookup`: asks a name server for a name or an address, and shows who answered.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::process::ExitCode;

use super::applets::Args;
use super::dns::{self, A, AAAA, Answer, PTR};

/// `nslookup NAME|ADDRESS [SERVER]`.
pub fn main(args: Args) -> ExitCode {
    let words: Vec<String> = args.into_iter().skip(1).map(|a| a.to_string_lossy().into_owned()).collect();
    let (name, server) = match words.as_slice() {
        [name] => (name, None),
        [name, server] => (name, Some(server)),
        _ => {
            eprintln!("Usage: nslookup HOST [DNS_SERVER]");
            return ExitCode::FAILURE;
        }
    };
    let servers: Vec<SocketAddr> = match server.map(|s| dns::resolve(s)) {
        None => dns::servers(),
        Some(Ok(address)) => vec![(address, 53).into()],
        Some(Err(e)) => {
            eprintln!("nslookup: {e}");
            return ExitCode::FAILURE;
        }
    };
    let questions = match name.parse::<Ipv4Addr>() {
        Ok(address) => {
            let [a, b, c, d] = address.octets();
            vec![(format!("{d}.{c}.{b}.{a}.in-addr.arpa"), PTR)]
        }
        Err(_) => vec![(name.clone(), A), (name.clone(), AAAA)],
    };
    for server in servers {
        let mut answers = Vec::new();
        for (question, kind) in &questions {
            match dns::ask(server, question, *kind) {
                Ok(answer) => answers.push((question, answer)),
                Err(e) if e.kind() == std::io::ErrorKind::InvalidInput => {
                    eprintln!("nslookup: invalid name '{name}'");
                    return ExitCode::FAILURE;
                }
                Err(_) => {}
            }
        }
        if !answers.is_empty() {
            return show(server, answers);
        }
    }
    eprintln!(";; connection timed out; no servers could be reached\n");
    ExitCode::FAILURE
}

fn show(server: SocketAddr, answers: Vec<(&String, Answer)>) -> ExitCode {
    println!("Server:\t\t{}\nAddress:\t{server}\n", server.ip());
    let mut status = ExitCode::SUCCESS;
    for (question, answer) in answers {
        match answer {
            Answer::Refused(code) => {
                println!("** server can't find {question}: {code}\n");
                status = ExitCode::FAILURE;
            }
            Answer::Addresses(all) => {
                println!("Non-authoritative answer:");
                all.iter().for_each(|address: &IpAddr| println!("Name:\t{question}\nAddress: {address}"));
                println!();
            }
            Answer::Names(all) => {
                println!("Non-authoritative answer:");
                all.iter().for_each(|name| println!("{question}\tname = {name}"));
                println!();
            }
        }
    }
    status
}
