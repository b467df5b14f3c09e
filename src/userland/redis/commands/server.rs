//! The server itself: settings, what it tells of itself, files, its end.

use std::io;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::{Answer, Call, Command, SYNTAX, Wrong, keys::unknown_sub, table};
use crate::units::c_words;
use crate::userland::redis::{
    Bytes,
    config::Config,
    info, number, rdb,
    reply::{OK, Reply},
};

pub fn time(_: &mut Call<'_>) -> Answer {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Ok(Reply::Array(vec![Reply::bulk(now.as_secs().to_string()), Reply::bulk(now.subsec_micros().to_string())]))
}

pub fn info(call: &mut Call<'_>) -> Answer {
    let sections: Vec<String> = call.args[1..].iter().map(|word| String::from_utf8_lossy(word).to_ascii_lowercase()).collect();
    Ok(Reply::Text(info::text(call.server, &sections)))
}

pub fn config(call: &mut Call<'_>) -> Answer {
    match (call.upper(1).as_str(), call.args.len()) {
        ("GET", 3..) => {
            let all = call.server.config.shown(&call.args[2..]);
            Ok(Reply::Map(all.into_iter().flat_map(|(name, value)| [Reply::bulk(name), Reply::bulk(value)]).collect()))
        }
        ("SET", count @ 4..) if count % 2 == 0 => set(call),
        ("RESETSTAT", 2) => {
            call.server.stats = Default::default();
            Ok(OK)
        }
        ("REWRITE", 2) => {
            let Some(file) = call.server.config.file.clone() else { return Err("ERR The server is running without a config file".into()) };
            let wrong = |e: io::Error| Wrong::from(format!("ERR Rewriting config file: {}", c_words(&e)));
            let old = match std::fs::read_to_string(&file) {
                Err(e) if e.kind() == io::ErrorKind::NotFound => String::new(),
                // What cannot be read is not overwritten.
                other => other.map_err(wrong)?,
            };
            rdb::replace(&file, call.server.config.rewritten(&old).as_bytes()).map_err(|fault| wrong(fault.into()))?;
            Ok(OK)
        }
        ("SET", 5..) => Err("ERR wrong number of arguments for 'config|set' command".into()),
        _ => Err(unknown_sub(call, "CONFIG")),
    }
}

fn set(call: &mut Call<'_>) -> Answer {
    let text = |word: &Bytes| String::from_utf8_lossy(word).into_owned();
    let pairs: Vec<(String, String)> = call.args[2..].chunks_exact(2).map(|pair| (text(&pair[0]), text(&pair[1]))).collect();
    if let Some((name, _)) = pairs.iter().find(|(name, _)| !Config::is_known(&name.to_ascii_lowercase())) {
        return Err(format!("ERR Unknown option or number of arguments for CONFIG SET - '{name}'").into());
    }
    let trusted = call.server.allows("enable-protected-configs", call.client);
    let old = call.server.config.clone();
    call.server
        .config
        .change(&pairs, trusted)
        .map_err(|(name, why)| format!("ERR CONFIG SET failed (possibly related to argument '{name}') - {}", why.unwrap_or_default()))?;
    if call.server.config.yes("appendonly") != old.yes("appendonly")
        && let Err(why) = call.server.switch_aof()
    {
        call.server.config = old;
        return Err(format!("ERR CONFIG SET failed (possibly related to argument 'appendonly') - {why}").into());
    }
    Ok(OK)
}

/// What `COMMAND INFO` says of a command.
fn described(command: &Command) -> Reply {
    let flags =
        command.flags.iter().filter(|flag| !matches!(**flag, "unseen" | "subscribed")).map(|flag| Reply::Status((*flag).to_owned()));
    let kinds = [if command.flags.contains(&"write") { "@write" } else { "@read" }.to_owned(), format!("@{}", command.group)];
    Reply::Array(vec![
        Reply::bulk(command.name),
        Reply::Int(command.arity.into()),
        Reply::Set(flags.collect()),
        Reply::Int(command.keys.0.into()),
        Reply::Int(command.keys.1.into()),
        Reply::Int(command.keys.2.into()),
        Reply::Set(kinds.map(Reply::Status).to_vec()),
        Reply::Array(vec![]),
        Reply::Array(vec![]),
        Reply::Array(vec![]),
    ])
}

fn documented(command: &Command) -> [Reply; 2] {
    let pairs = [("summary", command.summary), ("since", command.since), ("group", command.group)];
    let all = pairs.into_iter().flat_map(|(name, value)| [Reply::bulk(name), Reply::bulk(value)]);
    [Reply::bulk(command.name), Reply::Map(all.collect())]
}

/// Where a command has the number of its keys, which come behind it.
fn counts_at(command: &Command) -> Option<usize> {
    match command.name {
        "lmpop" | "sintercard" | "zdiff" | "zinter" | "zintercard" | "zmpop" | "zunion" => Some(1),
        "blmpop" | "bzmpop" | "zdiffstore" | "zinterstore" | "zunionstore" => Some(2),
        _ => None,
    }
}

/// The keys among the words of a command.
fn keys_of(command: &Command, words: &[Bytes]) -> Result<Vec<Bytes>, Wrong> {
    let count = i32::try_from(words.len()).unwrap_or(i32::MAX);
    if command.arity > 0 && command.arity != count || count < -command.arity {
        return Err("ERR Invalid number of arguments specified for command".into());
    }
    let (first, last, step) = command.keys;
    let last = if last < 0 { count + last } else { last };
    let places = (first.max(1)..=last).step_by(usize::try_from(step).unwrap_or(1).max(1));
    let mut keys: Vec<Bytes> = places.filter_map(|place| words.get(usize::try_from(place).ok()?).cloned()).collect();
    match counts_at(command) {
        Some(at) => {
            let count = number::int(&words[at]).and_then(|count| usize::try_from(count).ok());
            let more = count.and_then(|count| words.get(at + 1..(at + 1).saturating_add(count)));
            keys.extend_from_slice(more.ok_or("ERR Invalid arguments specified for command")?);
        }
        None if first == 0 => return Err("ERR The command has no key arguments".into()),
        None => {}
    }
    if command.name == "sort" {
        let store = words.windows(2).skip(2).rfind(|pair| pair[0].eq_ignore_ascii_case(b"store"));
        keys.extend(store.map(|pair| pair[1].clone()));
    }
    Ok(keys)
}

pub fn command(call: &mut Call<'_>) -> Answer {
    let version = call.server.number;
    let all = || table::COMMANDS.iter().filter(|command| command.is_in(version));
    let named = |words: &[Bytes]| words.iter().map(|word| table::find(word).filter(|command| command.is_in(version))).collect::<Vec<_>>();
    match (call.upper(1).as_str(), call.args.len()) {
        (_, 1) | ("INFO", 2) => Ok(Reply::Array(all().map(described).collect())),
        ("COUNT", 2) => Ok(Reply::size(all().count())),
        ("LIST", 2) => Ok(Reply::Array(all().map(|command| Reply::bulk(command.name)).collect())),
        ("INFO", _) => Ok(Reply::Array(named(&call.args[2..]).into_iter().map(|found| found.map_or(Reply::Nil, described)).collect())),
        ("DOCS", 2) => Ok(Reply::Map(all().flat_map(documented).collect())),
        ("DOCS", _) => Ok(Reply::Map(named(&call.args[2..]).into_iter().flatten().flat_map(documented).collect())),
        ("GETKEYS", 4..) => {
            let words = &call.args[2..];
            let command = named(&words[..1])[0].ok_or("ERR Invalid command specified")?;
            keys_of(command, words).map(Reply::bulks)
        }
        _ => Err(unknown_sub(call, "COMMAND")),
    }
}

pub fn save(call: &mut Call<'_>) -> Answer {
    if call.server.saving.runs() {
        return Err("ERR Background save already in progress".into());
    }
    if call.server.save_now() { Ok(OK) } else { Err("ERR".into()) }
}

pub fn bgsave(call: &mut Call<'_>) -> Answer {
    match (call.args.len(), call.upper(1).as_str()) {
        (1, _) | (2, "SCHEDULE") => {}
        _ => return Err(SYNTAX.into()),
    }
    if call.server.saving.runs() {
        return Err("ERR Background save already in progress".into());
    }
    call.server.save_beside();
    Ok(Reply::Simple("Background saving started"))
}

pub fn bgrewriteaof(call: &mut Call<'_>) -> Answer {
    match call.server.rewrite_aof() {
        Ok(()) => Ok(Reply::Simple("Background append only file rewriting started")),
        Err(why) => Err(format!("ERR {why}").into()),
    }
}

pub fn lastsave(call: &mut Call<'_>) -> Answer {
    Ok(Reply::Int(call.server.saving.last))
}

pub fn shutdown(call: &mut Call<'_>) -> Answer {
    let mut save = None;
    for at in 1..call.args.len() {
        match call.upper(at).as_str() {
            "NOSAVE" if save.is_none() => save = Some(false),
            "SAVE" if save.is_none() => save = Some(true),
            "NOW" | "FORCE" => {}
            "ABORT" if call.args.len() == 2 => return Err("ERR No shutdown in progress.".into()),
            _ => return Err(SYNTAX.into()),
        }
    }
    call.server.ending = Some(save);
    Ok(Reply::Later)
}

pub fn debug(call: &mut Call<'_>) -> Answer {
    if !call.server.allows("enable-debug-command", call.client) {
        return Err("ERR DEBUG command not allowed. If the enable-debug-command option is set to \"local\", you can run it from a local connection, \
                    otherwise you need to set this option in the configuration file, and then restart the server."
            .into());
    }
    match (call.upper(1).as_str(), call.args.len()) {
        ("SLEEP", 3) => {
            let seconds = number::float(call.arg(2)).and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()).unwrap_or_default();
            std::thread::sleep(seconds);
            Ok(OK)
        }
        _ => {
            let word = String::from_utf8_lossy(call.arg(1));
            Err(format!("ERR unknown subcommand or wrong number of arguments for '{word}'. Try DEBUG HELP.").into())
        }
    }
}

pub fn memory(call: &mut Call<'_>) -> Answer {
    match (call.upper(1).as_str(), call.args.len()) {
        ("USAGE", 3 | 5) => {
            let key = call.arg(2);
            Ok(call.look(key).map_or(Reply::Nil, |value| Reply::size(value.size() + key.len() + 48)))
        }
        ("PURGE", 2) => Ok(OK),
        _ => Err(unknown_sub(call, "MEMORY")),
    }
}

pub fn slowlog(call: &mut Call<'_>) -> Answer {
    match (call.upper(1).as_str(), call.args.len()) {
        ("GET", 2 | 3) => {
            let count = if call.args.len() == 3 { number::int(call.arg(2)) } else { Some(10) };
            let count = count.filter(|count| *count >= -1).ok_or("ERR count should be greater than or equal to -1")?;
            let count = usize::try_from(count).unwrap_or(usize::MAX);
            Ok(Reply::Array(call.server.slow.iter().take(count).cloned().collect()))
        }
        ("LEN", 2) => Ok(Reply::size(call.server.slow.len())),
        ("RESET", 2) => {
            call.server.slow.clear();
            Ok(OK)
        }
        _ => Err(unknown_sub(call, "SLOWLOG")),
    }
}

pub fn monitor(call: &mut Call<'_>) -> Answer {
    if let Some(client) = call.server.clients.get_mut(&call.client) {
        client.monitors = true;
    }
    Ok(OK)
}

pub fn role(_: &mut Call<'_>) -> Answer {
    Ok(Reply::Array(vec![Reply::bulk("master"), Reply::Int(0), Reply::Array(vec![])]))
}

pub fn wait(call: &mut Call<'_>) -> Answer {
    call.int(1)?;
    call.int(2)?;
    Ok(Reply::Int(0))
}

pub fn lolwut(call: &mut Call<'_>) -> Answer {
    Ok(Reply::Text(format!("Redis ver. {}\n", call.server.version)))
}
