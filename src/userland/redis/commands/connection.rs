//! Who is on the other side: passwords, names, protocols, the list of all.

use super::{Answer, Call, INTEGER, SYNTAX, Wrong, keys::unknown_sub, transactions};
use crate::userland::redis::{
    Bytes,
    client::{Answers, Client},
    number,
    reply::{OK, Reply},
    server::{self, Server},
};

pub fn ping(call: &mut Call<'_>) -> Answer {
    let word = call.args.get(1);
    let listens = call.server.clients.get(&call.client).is_some_and(|client| client.subscriptions() > 0 && !client.three);
    match (call.args.len(), listens) {
        (1 | 2, true) => Ok(Reply::Array(vec![Reply::bulk("pong"), Reply::bulk(word.cloned().unwrap_or_default())])),
        (1, false) => Ok(Reply::Simple("PONG")),
        (2, false) => Ok(Reply::bulk(call.arg(1))),
        _ => Err("ERR wrong number of arguments for 'ping' command".into()),
    }
}

pub fn echo(call: &mut Call<'_>) -> Answer {
    Ok(Reply::bulk(call.arg(1)))
}

pub fn quit(call: &mut Call<'_>) -> Answer {
    if let Some(client) = call.server.clients.get_mut(&call.client) {
        call.server.spoken.insert(call.client);
        // What is said now is the last.
        client.answers = Answers::On;
        let client = call.client;
        call.server.reply(client, &OK);
        if let Some(client) = call.server.clients.get_mut(&client) {
            client.leaving = true;
        }
    }
    Ok(Reply::Later)
}

pub fn reset(call: &mut Call<'_>) -> Answer {
    transactions::unwatch(call)?;
    let known = call.server.config.text("requirepass").is_empty();
    let Some(client) = call.server.clients.get_mut(&call.client) else { return Ok(Reply::Later) };
    for channel in std::mem::take(&mut client.channels) {
        server::leave(&mut call.server.channels, &channel, call.client);
    }
    for pattern in std::mem::take(&mut client.patterns) {
        server::leave(&mut call.server.patterns, &pattern, call.client);
    }
    client.queue = None;
    client.db = 0;
    client.name.clear();
    client.three = false;
    client.monitors = false;
    client.known = known;
    client.answers = Answers::On;
    Ok(Reply::Simple("RESET"))
}

pub fn select(call: &mut Call<'_>) -> Answer {
    let number = number::int(call.arg(1)).ok_or(if call.server.number >= (6, 2) { INTEGER } else { "ERR invalid DB index" })?;
    let number =
        usize::try_from(number).ok().filter(|number| *number < call.server.databases.len()).ok_or("ERR DB index is out of range")?;
    if let Some(client) = call.server.clients.get_mut(&call.client) {
        client.db = number;
    }
    Ok(OK)
}

/// Whether a password is the right one, found out in the same time whatever it is.
fn is_right(password: &str, given: &[u8]) -> bool {
    let password = password.as_bytes();
    let differences = (0..password.len().max(given.len())).filter(|at| password.get(*at) != given.get(*at)).count();
    differences == 0
}

fn log_in(call: &mut Call<'_>, user: &[u8], given: &[u8]) -> Result<(), Wrong> {
    let password = call.server.config.text("requirepass");
    if user != b"default" || !password.is_empty() && !is_right(password, given) {
        return Err(if call.server.number >= (6, 0) {
            "WRONGPASS invalid username-password pair or user is disabled."
        } else {
            "ERR invalid password"
        }
        .into());
    }
    if let Some(client) = call.server.clients.get_mut(&call.client) {
        client.known = true;
    }
    Ok(())
}

pub fn auth(call: &mut Call<'_>) -> Answer {
    match call.args.len() {
        2 if call.server.config.text("requirepass").is_empty() => {
            Err("ERR AUTH <password> called without any password configured for the \
            default user. Are you sure your configuration is correct?"
                .into())
        }
        2 => log_in(call, b"default", call.arg(1)).map(|()| OK),
        3 => log_in(call, call.arg(1), call.arg(2)).map(|()| OK),
        _ => Err(SYNTAX.into()),
    }
}

fn check_name(name: &[u8], what: &str) -> Result<(), Wrong> {
    if name.iter().all(|byte| (b'!'..=b'~').contains(byte)) {
        Ok(())
    } else {
        Err(format!("ERR {what} cannot contain spaces, newlines or special characters.").into())
    }
}

pub fn hello(call: &mut Call<'_>) -> Answer {
    let mut three = None;
    let mut at = 1;
    if call.args.len() > 1 {
        let version = number::int(call.arg(1)).ok_or("ERR Protocol version is not an integer or out of range")?;
        if !(2..=3).contains(&version) {
            return Err("NOPROTO unsupported protocol version".into());
        }
        three = Some(version == 3);
        at = 2;
    }
    let mut name = None;
    let mut login = None;
    while at < call.args.len() {
        match (call.upper(at).as_str(), call.args.len() - at - 1) {
            ("AUTH", 2..) => {
                login = Some((call.arg(at + 1), call.arg(at + 2)));
                at += 3;
            }
            ("SETNAME", 1..) => {
                check_name(call.arg(at + 1), "Client names")?;
                name = Some(call.arg(at + 1).to_vec());
                at += 2;
            }
            _ => return Err(format!("ERR Syntax error in HELLO option '{}'", String::from_utf8_lossy(call.arg(at))).into()),
        }
    }
    if let Some((user, password)) = login {
        log_in(call, user, password)?;
    }
    let version = call.server.version.clone();
    let Some(client) = call.server.clients.get_mut(&call.client) else { return Ok(Reply::Later) };
    if !client.known {
        return Err("NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO <proto> AUTH <user> <pass> option can be \
                    used to authenticate the client and select the RESP protocol version at the same time"
            .into());
    }
    if let Some(name) = name {
        client.name = name;
    }
    if let Some(three) = three {
        client.three = three;
    }
    let proto = if client.three { 3 } else { 2 };
    Ok(Reply::Map(vec![
        Reply::bulk("server"),
        Reply::bulk("redis"),
        Reply::bulk("version"),
        Reply::bulk(version),
        Reply::bulk("proto"),
        Reply::Int(proto),
        Reply::bulk("id"),
        Reply::size(usize::try_from(client.id).unwrap_or(0)),
        Reply::bulk("mode"),
        Reply::bulk("standalone"),
        Reply::bulk("role"),
        Reply::bulk("master"),
        Reply::bulk("modules"),
        Reply::Array(vec![]),
    ]))
}

/// A client's line in `CLIENT LIST`.
fn described(server: &Server, client: &Client) -> String {
    let flags = match () {
        () if client.monitors => "O",
        () if client.subscriptions() > 0 => "P",
        () if client.queue.is_some() => "x",
        () if client.wait.is_some() => "b",
        () => "N",
    };
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let queue = client.queue.as_ref().map_or(-1, |queue| i64::try_from(queue.commands.len()).unwrap_or(0));
    let mut line = format!(
        "id={} addr={} laddr={} fd={} name={} age={} idle={} flags={flags} db={} sub={} psub={} ssub=0 multi={queue} qbuf={} qbuf-free=0 argv-mem=0 \
         multi-mem=0 rbs=1024 rbp=0 obl={} oll=0 omem=0 tot-mem={} events=r cmd={} user=default redir=-1 resp={}",
        client.id,
        client.address,
        client.local,
        client.stream.as_ref().map_or(-1, std::os::fd::AsRawFd::as_raw_fd),
        text(&client.name),
        client.came.elapsed().as_secs(),
        client.heard.elapsed().as_secs(),
        client.db,
        client.channels.len(),
        client.patterns.len(),
        client.requests.waiting(),
        client.unread(),
        client.requests.waiting() + client.unread(),
        client.last,
        if client.three { 3 } else { 2 },
    );
    if server.number >= (7, 2) {
        line += &format!(" lib-name={} lib-ver={}", text(&client.library.0), text(&client.library.1));
    }
    line
}

pub fn client(call: &mut Call<'_>) -> Answer {
    let id = call.client;
    let what = call.upper(1);
    let count = call.args.len();
    let Some(client) = call.server.clients.get_mut(&id) else { return Ok(Reply::Later) };
    match (what.as_str(), count) {
        ("ID", 2) => Ok(Reply::size(usize::try_from(id).unwrap_or(0))),
        ("GETNAME", 2) if client.name.is_empty() => Ok(Reply::Nil),
        ("GETNAME", 2) => Ok(Reply::bulk(client.name.clone())),
        ("SETNAME", 3) => {
            check_name(&call.args[2], "Client names")?;
            client.name.clone_from(&call.args[2]);
            Ok(OK)
        }
        ("SETINFO", 4) if call.server.number >= (7, 2) => {
            let value = &call.args[3];
            match call.args[2].to_ascii_lowercase().as_slice() {
                b"lib-name" => {
                    check_name(value, "lib-name")?;
                    client.library.0.clone_from(value);
                }
                b"lib-ver" => {
                    check_name(value, "lib-ver")?;
                    client.library.1.clone_from(value);
                }
                _ => return Err(format!("ERR Unrecognized option '{}'", String::from_utf8_lossy(&call.args[2])).into()),
            }
            Ok(OK)
        }
        ("SETINFO", _) if call.server.number < (7, 2) => {
            Err(format!("ERR unknown subcommand '{}'. Try CLIENT HELP.", String::from_utf8_lossy(call.arg(1))).into())
        }
        ("INFO", 2) => {
            let client = &call.server.clients[&id];
            Ok(Reply::Text(described(call.server, client) + "\n"))
        }
        ("LIST", _) => list(call),
        ("REPLY", 3) => {
            client.answers = match call.args[2].to_ascii_uppercase().as_slice() {
                b"ON" => Answers::On,
                b"OFF" => Answers::Off,
                b"SKIP" => Answers::Skip,
                _ => return Err(SYNTAX.into()),
            };
            Ok(if client.answers == Answers::On { OK } else { Reply::Later })
        }
        ("KILL", 3..) => kill(call),
        ("NO-EVICT" | "NO-TOUCH", 3) if [&b"on"[..], b"off"].iter().any(|word| word.eq_ignore_ascii_case(&call.args[2])) => Ok(OK),
        ("NO-EVICT" | "NO-TOUCH", 3) => Err(SYNTAX.into()),
        _ => Err(unknown_sub(call, "CLIENT")),
    }
}

fn check_type(word: &[u8]) -> Result<(), Wrong> {
    let known = ["normal", "master", "replica", "slave", "pubsub"].iter().any(|kind| word.eq_ignore_ascii_case(kind.as_bytes()));
    if known { Ok(()) } else { Err(format!("ERR Unknown client type '{}'", String::from_utf8_lossy(word)).into()) }
}

fn list(call: &mut Call<'_>) -> Answer {
    let server = &*call.server;
    let kind = |client: &Client| if client.subscriptions() > 0 { "pubsub" } else { "normal" };
    let all: Vec<&Client> = match (call.args.len(), call.upper(2).as_str()) {
        (2, _) => server.clients.values().collect(),
        (4, "TYPE") => {
            let wanted = String::from_utf8_lossy(call.arg(3)).to_ascii_lowercase();
            check_type(call.arg(3))?;
            server.clients.values().filter(|client| kind(client) == wanted).collect()
        }
        (4.., "ID") => {
            let mut ids = vec![];
            for word in &call.args[3..] {
                ids.push(u64::try_from(number::int(word).ok_or("ERR Invalid client ID")?).unwrap_or(0));
            }
            ids.iter().filter_map(|id| server.clients.get(id)).collect()
        }
        _ => return Err(SYNTAX.into()),
    };
    Ok(Reply::Text(all.into_iter().filter(|client| client.stream.is_some()).map(|client| described(server, client) + "\n").collect()))
}

fn kill(call: &mut Call<'_>) -> Answer {
    let old = call.args.len() == 3;
    let mut wanted: Vec<(String, Bytes)> = vec![];
    let mut spare = true;
    if old {
        wanted.push(("ADDR".to_owned(), call.args[2].clone()));
        spare = false;
    } else {
        let pairs = call.args[2..].chunks_exact(2);
        if !pairs.remainder().is_empty() {
            return Err(SYNTAX.into());
        }
        for pair in pairs {
            let (name, value) = (String::from_utf8_lossy(&pair[0]).to_ascii_uppercase(), &pair[1]);
            match name.as_str() {
                "SKIPME" if value.eq_ignore_ascii_case(b"yes") => spare = true,
                "SKIPME" if value.eq_ignore_ascii_case(b"no") => spare = false,
                "ID" if number::int(value).is_none_or(|id| id < 1) => return Err("ERR client-id should be greater than 0".into()),
                "TYPE" => check_type(value)?,
                "USER" if value != b"default" => return Err(format!("ERR No such user '{}'", String::from_utf8_lossy(value)).into()),
                "ID" | "ADDR" | "LADDR" | "USER" => {}
                _ => return Err(SYNTAX.into()),
            }
            if name != "SKIPME" {
                wanted.push((name, value.clone()));
            }
        }
    }
    let is = |client: &Client| {
        wanted.iter().all(|(name, value)| match name.as_str() {
            "ID" => client.id.to_string().as_bytes() == value,
            "ADDR" => client.address.as_bytes() == value,
            "LADDR" => client.local.as_bytes() == value,
            "USER" => value == b"default",
            _ => value.eq_ignore_ascii_case(if client.subscriptions() > 0 { b"pubsub" } else { b"normal" }),
        })
    };
    let me = call.client;
    let ids: Vec<u64> =
        call.server.clients.values().filter(|client| is(client) && !(spare && client.id == me)).map(|client| client.id).collect();
    for id in &ids {
        call.server.spoken.insert(*id);
        if let Some(client) = call.server.clients.get_mut(id) {
            // Who ends itself is told so before.
            if *id == me { client.leaving = true } else { client.gone = true }
        }
    }
    match (old, ids.is_empty()) {
        (true, true) => Err("ERR No such client".into()),
        (true, false) => Ok(OK),
        (false, _) => Ok(Reply::size(ids.len())),
    }
}

pub fn acl(call: &mut Call<'_>) -> Answer {
    match (call.upper(1).as_str(), call.args.len()) {
        ("WHOAMI", 2) => Ok(Reply::bulk("default")),
        ("USERS", 2) => Ok(Reply::bulks([b"default".to_vec()])),
        _ => Err(unknown_sub(call, "ACL")),
    }
}
