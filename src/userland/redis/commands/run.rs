//! How a command is done: whether there is one, whether it may, and what follows from it.

use std::borrow::Cow;
use std::time::Instant;

use super::{Call, Command, Wrong, table, transactions};
use crate::userland::redis::{
    Bytes,
    client::Queue,
    log::Level,
    reply::Reply,
    server::{self, Server},
};

/// Does what a client has said.
pub fn execute(server: &mut Server, id: u64, words: Vec<Bytes>) {
    server.now = server::now();
    let reply = answer(server, id, words);
    if let Reply::Error(text) = &reply {
        let kind = text.split(' ').next().unwrap_or_default().to_owned();
        *server.stats.errors.entry(kind).or_default() += 1;
    }
    if reply != Reply::Later {
        server.reply(id, &reply);
    }
    server.serve_waiting();
}

fn wrong(text: impl Into<String>) -> Reply {
    Reply::Error(text.into())
}

/// Whether a version of Redis has a command of this name, and this server.
pub fn is_known(name: &[u8], version: (u32, u32)) -> bool {
    table::find(name).is_some_and(|command| command.is_in(version))
}

/// Why nothing may be changed: what is changed could not be kept.
fn unsafe_to_change(server: &Server) -> Option<String> {
    if server.saving.refuses_writes(&server.config) {
        return Some(
            "MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk. Commands that may modify the data \
             set are disabled, because this instance is configured to report errors during writes if RDB snapshotting fails \
             (stop-writes-on-bgsave-error option). Please check the Redis logs for details about the RDB error."
                .to_owned(),
        );
    }
    server.aof.as_ref()?.fault().map(|why| format!("MISCONF Errors writing to the AOF file: {why}"))
}

/// Whether a request is one of HTTP: a page in a browser may send those to whatever listens on its machine, commands behind them.
fn is_from_a_browser(name: &[u8]) -> bool {
    name.eq_ignore_ascii_case(b"post") || name.eq_ignore_ascii_case(b"host:")
}

/// Whether a command changes something, itself or by those that wait for it. One that only asks whether all is well is told, too.
fn is_about_changes(command: &Command, queue: Option<&Queue>) -> bool {
    let changes = |command: &Command| command.flags.contains(&"write");
    let queued = || queue.into_iter().flat_map(|queue| &queue.commands).filter_map(|words| table::find(&words[0]));
    match command.name {
        "ping" => true,
        "exec" => queued().any(changes),
        _ => changes(command),
    }
}

/// The command that words name, if they are so many as it takes.
fn command_of(words: &[Bytes], version: (u32, u32)) -> Result<&'static Command, Wrong> {
    let name = words.first().map_or(&[][..], |word| word);
    let Some(command) = table::find(name).filter(|command| command.is_in(version)) else {
        let shown = |word: &Bytes, most: usize| String::from_utf8_lossy(&word[..word.len().min(most)]).into_owned();
        if version < (5, 0) {
            return Err(format!("ERR unknown command '{}'", shown(&words[0], 128)).into());
        }
        if version < (7, 0) {
            let args: String = words[1..].iter().take(8).map(|word| format!("`{}`, ", shown(word, 128))).collect();
            return Err(format!("ERR unknown command `{}`, with args beginning with: {args}", shown(&words[0], 128)).into());
        }
        let mut args = String::new();
        for word in &words[1..] {
            if args.len() >= 128 {
                break;
            }
            args += &format!("'{}' ", shown(word, 128 - args.len()));
        }
        return Err(format!("ERR unknown command '{}', with args beginning with: {args}", shown(&words[0], 128)).into());
    };
    let count = i32::try_from(words.len()).unwrap_or(i32::MAX);
    if if command.arity < 0 { count < -command.arity } else { count != command.arity } {
        return Err(format!("ERR wrong number of arguments for '{}' command", command.name).into());
    }
    Ok(command)
}

fn answer(server: &mut Server, id: u64, words: Vec<Bytes>) -> Reply {
    if is_from_a_browser(&words[0]) {
        let text =
            "Possible SECURITY ATTACK detected. It looks like somebody is sending POST or Host: commands to Redis. Connection aborted.";
        server.log(Level::Warning, text);
        if let Some(client) = server.clients.get_mut(&id) {
            client.gone = true;
        }
        return Reply::Later;
    }
    let found = command_of(&words, server.number);
    let Some(client) = server.clients.get_mut(&id) else { return Reply::Later };
    let command = match found {
        Ok(command) => command,
        Err(text) => {
            if let Some(queue) = &mut client.queue {
                queue.spoilt = true;
            }
            return wrong(text.0);
        }
    };
    match admitted(server, id, command, words) {
        Ok(Some(words)) => one(server, id, &words, false),
        Ok(None) => Reply::Simple("QUEUED"),
        Err(refusal) => {
            server.stats.calls.entry(command.name).or_default().rejected += 1;
            refusal
        }
    }
}

/// The words of a command that is to be done now; none where it waits for the end of a transaction. Who may not is told why.
fn admitted(server: &mut Server, id: u64, command: &'static Command, words: Vec<Bytes>) -> Result<Option<Vec<Bytes>>, Reply> {
    let (version, fault) = (server.number, unsafe_to_change(server));
    let Some(client) = server.clients.get_mut(&id) else { return Err(Reply::Later) };
    let may = |flag: &str| command.flags.contains(&flag);
    if !client.known && !may("no_auth") {
        return Err(wrong("NOAUTH Authentication required."));
    }
    // In RESP2 all that comes over the connection would be taken for a message.
    if client.subscriptions() > 0 && !client.three && !may("subscribed") {
        let others = if version >= (7, 0) {
            "(P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET"
        } else {
            "(P)SUBSCRIBE / (P)UNSUBSCRIBE / PING / QUIT"
        };
        let reply = format!("ERR Can't execute '{}': only {others} are allowed in this context", command.name);
        return Err(wrong(reply));
    }
    command.name.clone_into(&mut client.last);
    if let Some(fault) = fault
        && is_about_changes(command, client.queue.as_ref())
    {
        if command.name == "exec" {
            let db = client.db;
            let _ = transactions::discard(&mut Call::new(server, id, db, &words));
            return Err(wrong(format!("EXECABORT Transaction discarded because of: {fault}")));
        }
        if let Some(queue) = &mut client.queue {
            queue.spoilt = true;
        }
        return Err(wrong(fault));
    }
    if let Some(queue) = &mut client.queue {
        match command.name {
            "exec" | "discard" | "quit" | "reset" => {}
            "multi" => return Err(wrong("ERR MULTI calls can not be nested")),
            "watch" => return Err(wrong("ERR WATCH inside MULTI is not allowed")),
            _ if may("no_multi") => {
                queue.spoilt = true;
                return Err(wrong("ERR Command not allowed inside a transaction"));
            }
            _ => {
                queue.commands.push(words);
                return Ok(None);
            }
        }
    }
    Ok(Some(words))
}

/// Does one command; one in a transaction must not wait.
pub fn one(server: &mut Server, id: u64, words: &[Bytes], at_once: bool) -> Reply {
    let command = match command_of(words, server.number) {
        Ok(command) => command,
        Err(text) => return wrong(text.0),
    };
    // The commands of a transaction come before the word that has them done.
    if command.name != "exec" {
        tell_monitors(server, id, command, words);
    }
    let db = server.clients.get(&id).map_or(0, |client| client.db);
    let begun = Instant::now();
    let mut call = Call::new(server, id, db, words);
    call.at_once = at_once;
    let result = (command.run)(&mut call);
    let (changed, instead) = (call.changed, call.instead.take());
    if command.name == "exec" {
        tell_monitors(server, id, command, words);
    }
    let microseconds = u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX);
    server.stats.commands += 1;
    let calls = server.stats.calls.entry(command.name).or_default();
    calls.calls += 1;
    calls.microseconds += microseconds;
    calls.failed += u64::from(result.is_err());
    let slow = u64::try_from(server.config.number("slowlog-log-slower-than")).is_ok_and(|limit| microseconds >= limit);
    if slow && !command.flags.contains(&"unseen") {
        note_slow(server, id, &redacted(words), microseconds);
    }
    server.slow.truncate(usize::try_from(server.config.number("slowlog-max-len")).unwrap_or(usize::MAX));
    if changed {
        match instead {
            Some(all) => all.iter().for_each(|words| server.write_down(db, words)),
            None => server.write_down(db, words),
        }
    }
    result.unwrap_or_else(|text| wrong(text.0))
}

/// Notes down a command that took long, with its first words.
fn note_slow(server: &mut Server, id: u64, words: &[Bytes], microseconds: u64) {
    let cut = |word: &Bytes| match word.get(128..) {
        None | Some([]) => Reply::bulk(&word[..]),
        Some(more) => Reply::bulk([&word[..128], format!("... ({} more bytes)", more.len()).as_bytes()].concat()),
    };
    let mut shown: Vec<Reply> = words.iter().take(32).map(cut).collect();
    if words.len() > 32 {
        shown[31] = Reply::bulk(format!("... ({} more arguments)", words.len() - 31));
    }
    let (address, name) = server.clients.get(&id).map(|client| (client.address.clone(), client.name.clone())).unwrap_or_default();
    let number = Reply::Int(server.slow_count);
    let took = Reply::Int(i64::try_from(microseconds).unwrap_or(i64::MAX));
    server.slow_count += 1;
    server.slow.push_front(Reply::Array(vec![
        number,
        Reply::Int(server.now / 1000),
        took,
        Reply::Array(shown),
        Reply::bulk(address),
        Reply::bulk(name),
    ]));
}

/// The words of a command without the passwords among them.
fn redacted(words: &[Bytes]) -> Cow<'_, [Bytes]> {
    let is = |at: usize, name: &str| words.get(at).is_some_and(|word| word.eq_ignore_ascii_case(name.as_bytes()));
    let secret = |at: usize| match () {
        () if is(0, "auth") => at > 0,
        () if is(0, "hello") => at > 2 && (is(at - 1, "auth") || is(at - 2, "auth")),
        () if is(0, "config") && is(1, "set") => at > 2 && at % 2 == 1 && is(at - 1, "requirepass"),
        () => false,
    };
    if !(0..words.len()).any(secret) {
        return Cow::Borrowed(words);
    }
    words.iter().enumerate().map(|(at, word)| if secret(at) { b"(redacted)".to_vec() } else { word.clone() }).collect()
}

/// Shows a command to those who have asked for all of them; those of whoever looks after the server are nobody else's business.
fn tell_monitors(server: &mut Server, id: u64, command: &Command, words: &[Bytes]) {
    if server.loading || command.flags.contains(&"admin") {
        return;
    }
    let monitors: Vec<u64> = server.clients.values().filter(|client| client.monitors).map(|client| client.id).collect();
    if monitors.is_empty() {
        return;
    }
    let (db, address) = server.clients.get(&id).map_or((0, String::new()), |client| (client.db, client.address.clone()));
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    let mut line = format!("{}.{:06} [{db} {address}]", now.as_secs(), now.subsec_micros());
    for word in redacted(words).iter() {
        line += " ";
        line += &quoted(word);
    }
    let line = Reply::Status(line);
    monitors.into_iter().for_each(|monitor| server.say(monitor, &line));
}

/// Bytes in quotes, as MONITOR and the client show them.
pub fn quoted(bytes: &[u8]) -> String {
    let mut text = String::from('"');
    for byte in bytes {
        match byte {
            b'\\' | b'"' => text.extend(['\\', char::from(*byte)]),
            b'\n' => text += "\\n",
            b'\r' => text += "\\r",
            b'\t' => text += "\\t",
            7 => text += "\\a",
            8 => text += "\\b",
            b' '..=b'~' => text.push(char::from(*byte)),
            other => text += &format!("\\x{other:02x}"),
        }
    }
    text.push('"');
    text
}
