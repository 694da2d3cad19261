//! What moderators say to us about a message or a person. A command cannot be a reply here: a link among its words names
//! the message, a mention the person. And a reply that mentions us and says `keeper` is that command; so is one that says
//! `report`, which everybody may.

use townkeeper_contract::id::PersonId;
use townkeeper_contract::inbound::{Body, Inbound};

use crate::deliver::{Target, reference};
use crate::wire::Id;

use super::normalise::place;
use super::world::World;

const KEEPER: &str = "keeper";
const REPORT: &str = "report";
/// Where a link to a message leads: the same for every build of their client.
const HOSTS: [&str; 4] = ["discord.com", "ptb.discord.com", "canary.discord.com", "discordapp.com"];

/// The command, where a mention of us is followed by `keeper` and words, or, in a reply, by `report`.
pub(super) fn order(content: &str, replies: bool, us: Id, role: Option<Id>) -> Option<Body> {
    let content = content.trim_start();
    let mentions = [Some(format!("<@{us}>")), Some(format!("<@!{us}>")), role.map(|role| format!("<@&{role}>"))];
    let behind = mentions.iter().flatten().find_map(|mention| content.strip_prefix(mention.as_str()))?;
    let behind = behind.trim();
    let (word, rest) = behind.split_once(char::is_whitespace).unwrap_or((behind, ""));
    let is = |name: &str| word.eq_ignore_ascii_case(name);
    let name = (is(KEEPER) && !rest.is_empty()).then_some(KEEPER).or((is(REPORT) && replies).then_some(REPORT))?;
    Some(Body::Command { name: name.to_owned(), args: rest.trim().to_owned() })
}

/// Takes what the words of `keeper` name out of them. A message is asked about where it is: whoever may moderate here
/// may not for that reason moderate there. One of another server, or of a place that we do not know, is nothing to us.
pub(super) fn resolve(mut inbound: Inbound, target: &Target, world: &World) -> Inbound {
    let Body::Command { name, args } = &mut inbound.body else { return inbound };
    let Some(guild) = target.guild.filter(|_| name == KEEPER) else { return inbound };
    let is_here =
        |channel: Id| channel == target.channel || world.seat(channel).is_some_and(|seat| seat.guild == Some(guild));
    let (mut message, mut person) = (None, None);
    let mut words = Vec::new();
    for word in args.split_whitespace() {
        let linked = link(word).filter(|(of, channel, _)| *of == guild && is_here(*channel));
        match (linked, mentioned(word)) {
            (Some((_, channel, id)), _) if message.is_none() => message = Some((channel, id)),
            (_, Some(id)) if person.is_none() => person = Some(id),
            _ => words.push(word),
        }
    }
    if message.is_none() && person.is_none() {
        return inbound;
    }
    *args = words.join(" ");
    if let Some((channel, id)) = message {
        inbound.replies_to = Some(reference(channel, id));
        // Who wrote it the link does not say.
        inbound.replies_to_person = None;
        if channel != target.channel {
            let at = Target { channel, guild: Some(guild), message: None, via: None, press: None };
            let there = place(&at, world.seat(channel).unwrap_or_default());
            inbound.carried.written_in = Some(std::mem::replace(&mut inbound.place, there));
            inbound.thread = None;
        }
    }
    if let Some(id) = person {
        inbound.replies_to_person = Some(PersonId(id.to_string()));
    }
    inbound
}

/// The guild, channel and message that a link names.
fn link(word: &str) -> Option<(Id, Id, Id)> {
    let word = word.trim_start_matches('<').trim_end_matches('>');
    let (host, path) = word.strip_prefix("https://")?.split_once('/')?;
    let mut ids = path.strip_prefix("channels/").filter(|_| HOSTS.contains(&host))?.split('/').map(str::parse);
    let named = (ids.next()?.ok()?, ids.next()?.ok()?, ids.next()?.ok()?);
    ids.next().is_none().then_some(named)
}

/// The person that a mention names.
fn mentioned(word: &str) -> Option<Id> {
    let inner = word.strip_prefix("<@")?.strip_suffix('>')?;
    inner.strip_prefix('!').unwrap_or(inner).parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_and_mentions_are_read_and_nothing_that_looks_like_them() {
        let ids = Some((Id(1), Id(2), Id(3)));
        for good in ["https://discord.com/channels/1/2/3", "<https://canary.discord.com/channels/1/2/3>"] {
            assert_eq!(link(good), ids, "{good}");
        }
        for bad in [
            "https://discord.com.example.org/channels/1/2/3",
            "http://discord.com/channels/1/2/3",
            "https://discord.com/channels/1/2",
            "https://discord.com/channels/1/2/3/4",
            "https://discord.com/channels/@me/2/3",
            "https://discord.com/channels/1/2/3?x=1",
        ] {
            assert_eq!(link(bad), None, "{bad}");
        }
        assert_eq!((mentioned("<@12>"), mentioned("<@!12>")), (Some(Id(12)), Some(Id(12))));
        for bad in ["<@&12>", "<#12>", "@12", "<@12", "<@>", "12"] {
            assert_eq!(mentioned(bad), None, "{bad}");
        }
    }

    #[test]
    fn only_a_mention_of_us_before_the_word_makes_it_a_command() {
        let order = |content: &str| order(content, false, Id(7), Some(Id(8)));
        let keeper = |args: &str| Some(Body::Command { name: "keeper".to_owned(), args: args.to_owned() });
        assert_eq!(order(" <@7> Keeper  remove spam "), keeper("remove spam"));
        assert_eq!(order("<@&8> keeper ban"), keeper("ban"));
        for other in ["<@9> keeper remove", "keeper remove", "see <@7> keeper remove", "<@7> keepers know?", "<@7>"] {
            assert_eq!(order(other), None, "{other}");
        }
    }

    #[test]
    fn a_reply_that_mentions_us_and_says_report_is_that_command() {
        let order = |content: &str, replies: bool| order(content, replies, Id(7), None);
        let report = |args: &str| Some(Body::Command { name: "report".to_owned(), args: args.to_owned() });
        assert_eq!(order("<@7> report", true), report(""));
        assert_eq!(order("<@!7> Report a fake", true), report("a fake"));
        assert_eq!(order("<@7> report", false), None, "about nothing");
        for other in ["report", "<@7> reports?", "<@9> report", "<@7> /report x"] {
            assert_eq!(order(other, true), None, "{other}");
        }
    }
}
