//! `MULTI`, `EXEC`, `DISCARD`, `WATCH`.

use super::{Answer, Call, run};
use crate::userland::redis::{
    client::Queue,
    reply::{OK, Reply},
};

pub fn multi(call: &mut Call<'_>) -> Answer {
    if let Some(client) = call.server.clients.get_mut(&call.client) {
        client.queue = Some(Queue::default());
    }
    Ok(OK)
}

pub fn discard(call: &mut Call<'_>) -> Answer {
    let queue = call.server.clients.get_mut(&call.client).and_then(|client| client.queue.take());
    queue.ok_or("ERR DISCARD without MULTI")?;
    unwatch(call)
}

pub fn watch(call: &mut Call<'_>) -> Answer {
    for key in &call.args[1..] {
        call.exists(key);
        let name = (call.db, key.clone());
        call.server.watchers.entry(name.clone()).or_default().insert(call.client);
        if let Some(client) = call.server.clients.get_mut(&call.client) {
            client.watched.insert(name);
        }
    }
    Ok(OK)
}

pub fn unwatch(call: &mut Call<'_>) -> Answer {
    let Some(client) = call.server.clients.get_mut(&call.client) else { return Ok(OK) };
    client.touched = false;
    for name in std::mem::take(&mut client.watched) {
        if let Some(who) = call.server.watchers.get_mut(&name) {
            who.remove(&call.client);
            if who.is_empty() {
                call.server.watchers.remove(&name);
            }
        }
    }
    Ok(OK)
}

pub fn exec(call: &mut Call<'_>) -> Answer {
    let client = call.server.clients.get_mut(&call.client);
    let Some((queue, touched)) = client.and_then(|client| Some((client.queue.take()?, client.touched))) else {
        return Err("ERR EXEC without MULTI".into());
    };
    // A watched key may have ended meanwhile.
    let watched: Vec<_> = call.server.clients.get(&call.client).map(|client| client.watched.iter().cloned().collect()).unwrap_or_default();
    let now = call.server.now;
    let ended = watched.iter().any(|(db, key)| call.server.databases[*db].is_over(key, now));
    unwatch(call)?;
    if queue.spoilt {
        return Err("EXECABORT Transaction discarded because of previous errors.".into());
    }
    if touched || ended {
        return Ok(Reply::NilArray);
    }
    call.server.begin_group();
    let mut replies = vec![];
    for words in queue.commands {
        replies.push(run::one(call.server, call.client, &words, true));
    }
    call.server.end_group();
    Ok(Reply::Array(replies))
}
