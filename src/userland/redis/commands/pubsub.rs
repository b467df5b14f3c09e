//! Channels: who listens to which, and what is said on them.

use super::{Answer, Call, keys::unknown_sub};
use crate::userland::redis::{Bytes, glob, reply::Reply, server};

fn notice(kind: &'static str, name: Option<&Bytes>, count: usize) -> Reply {
    Reply::Push(vec![Reply::bulk(kind), Reply::maybe(name), Reply::size(count)])
}

pub fn subscribe(call: &mut Call<'_>) -> Answer {
    let patterns = call.upper(0) == "PSUBSCRIBE";
    let mut notices = vec![];
    for name in &call.args[1..] {
        let Some(client) = call.server.clients.get_mut(&call.client) else { break };
        let (own, all) =
            if patterns { (&mut client.patterns, &mut call.server.patterns) } else { (&mut client.channels, &mut call.server.channels) };
        own.insert(name.clone());
        all.entry(name.clone()).or_default().insert(call.client);
        notices.push(notice(if patterns { "psubscribe" } else { "subscribe" }, Some(name), client.subscriptions()));
    }
    Ok(Reply::Several(notices))
}

pub fn unsubscribe(call: &mut Call<'_>) -> Answer {
    let patterns = call.upper(0) == "PUNSUBSCRIBE";
    let kind = if patterns { "punsubscribe" } else { "unsubscribe" };
    let Some(client) = call.server.clients.get(&call.client) else { return Ok(Reply::Later) };
    let own = if patterns { &client.patterns } else { &client.channels };
    let names: Vec<Bytes> = if call.args.len() > 1 { call.args[1..].to_vec() } else { own.iter().cloned().collect() };
    if names.is_empty() {
        return Ok(notice(kind, None, client.subscriptions()));
    }
    let mut notices = vec![];
    for name in names {
        let Some(client) = call.server.clients.get_mut(&call.client) else { break };
        let (own, all) =
            if patterns { (&mut client.patterns, &mut call.server.patterns) } else { (&mut client.channels, &mut call.server.channels) };
        own.remove(&name);
        server::leave(all, &name, call.client);
        notices.push(notice(kind, Some(&name), client.subscriptions()));
    }
    Ok(Reply::Several(notices))
}

pub fn publish(call: &mut Call<'_>) -> Answer {
    let (channel, message) = (call.args[1].clone(), Reply::bulk(call.arg(2)));
    let mut count = 0;
    let listeners: Vec<u64> = call.server.channels.get(&channel).into_iter().flatten().copied().collect();
    for id in listeners {
        call.server.say(id, &Reply::Push(vec![Reply::bulk("message"), Reply::Bulk(channel.clone()), message.clone()]));
        count += 1;
    }
    let patterns: Vec<(Bytes, Vec<u64>)> =
        call.server.patterns.iter().map(|(pattern, who)| (pattern.clone(), who.iter().copied().collect())).collect();
    for (pattern, who) in patterns.into_iter().filter(|(pattern, _)| glob::matches(pattern, &channel)) {
        for id in who {
            let words = vec![Reply::bulk("pmessage"), Reply::Bulk(pattern.clone()), Reply::Bulk(channel.clone()), message.clone()];
            call.server.say(id, &Reply::Push(words));
            count += 1;
        }
    }
    Ok(Reply::size(count))
}

pub fn pubsub(call: &mut Call<'_>) -> Answer {
    match (call.upper(1).as_str(), call.args.len()) {
        ("CHANNELS", 2 | 3) => {
            let pattern = call.args.get(2);
            let wanted = |channel: &&Bytes| pattern.is_none_or(|pattern| glob::matches(pattern, channel));
            Ok(Reply::bulks(call.server.channels.keys().filter(wanted).cloned()))
        }
        ("NUMSUB", _) => {
            let count = |channel: &Bytes| call.server.channels.get(channel).map_or(0, |who| who.len());
            Ok(Reply::Array(
                call.args[2..].iter().flat_map(|channel| [Reply::Bulk(channel.clone()), Reply::size(count(channel))]).collect(),
            ))
        }
        ("NUMPAT", 2) => Ok(Reply::size(call.server.patterns.len())),
        ("SHARDCHANNELS", 2 | 3) => Ok(Reply::Array(vec![])),
        ("SHARDNUMSUB", _) => Ok(Reply::Array(call.args[2..].iter().flat_map(|name| [Reply::Bulk(name.clone()), Reply::Int(0)]).collect())),
        _ => Err(unknown_sub(call, "PUBSUB")),
    }
}
