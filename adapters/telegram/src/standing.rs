//! What somebody may do in a chat, by Telegram's own word; and what the account lacks, for `doctor`.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::{Map, Value, json};
use townkeeper_contract::id::PersonId;
use townkeeper_contract::inbound::ReplyTo;
use townkeeper_contract::moderation::{Held, Quiet, Term};
use townkeeper_contract::platform::{DeliverError, Finding, Right, Standing};

use crate::api::{Api, ApiError};
use crate::deliver::{Target, class, words};
use crate::moderate::PERMISSIONS;

/// `ChatMember`: the kinds differ in which of these they carry.
#[derive(Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "Telegram's own shape")]
struct Member {
    status: String,
    #[serde(default, rename = "is_member")]
    there: bool,
    #[serde(default)]
    can_change_info: bool,
    #[serde(default)]
    can_delete_messages: bool,
    #[serde(default)]
    can_restrict_members: bool,
    #[serde(default)]
    can_pin_messages: bool,
    #[serde(default)]
    can_send_messages: bool,
    /// Of somebody restricted or banned: Unix time in seconds; 0: for good.
    #[serde(default)]
    until_date: i64,
    /// What else somebody restricted may.
    #[serde(flatten)]
    other: Map<String, Value>,
}

#[derive(Deserialize)]
struct Myself {
    id: i64,
    username: String,
    #[serde(default)]
    can_read_all_group_messages: bool,
}

pub(crate) async fn standing(api: &Api, at: &ReplyTo, person: Option<&PersonId>) -> Result<Standing, DeliverError> {
    let to = Target::of(at)?;
    let user: i64 = match person {
        Some(person) => {
            person.as_str().parse().map_err(|_| DeliverError::Refused("not a person of Telegram".into()))?
        }
        None => api.call::<Myself>("getMe", &json!({})).await.map_err(class)?.id,
    };
    // In a private chat there is nobody to moderate.
    if !to.is_group() {
        let rights = BTreeSet::from([Right::Speak]);
        return Ok(Standing { member: user == to.chat || person.is_none(), rights, held: None });
    }
    let asked = api.call::<Member>("getChatMember", &json!({ "chat_id": to.chat, "user_id": user })).await;
    Ok(rights_of(&asked.map_err(class)?))
}

fn rights_of(member: &Member) -> Standing {
    let all = [Right::Speak, Right::Manage, Right::Remove, Right::Restrict, Right::Ban, Right::Pin];
    let given = |rights: &[(Right, bool)]| rights.iter().filter(|(_, has)| *has).map(|(right, _)| *right).collect();
    let there = |rights| Standing { member: true, rights, held: Some(Held::default()) };
    match member.status.as_str() {
        "creator" => there(all.into()),
        "administrator" => there(given(&[
            (Right::Speak, true),
            (Right::Manage, member.can_change_info),
            (Right::Remove, member.can_delete_messages),
            (Right::Restrict, member.can_restrict_members),
            (Right::Ban, member.can_restrict_members),
            (Right::Pin, member.can_pin_messages),
        ])),
        "member" => there(given(&[(Right::Speak, true)])),
        "restricted" => Standing {
            member: member.there,
            rights: given(&[(Right::Speak, member.can_send_messages)]),
            held: Some(Held { ban: None, quiet: Some(quiet(member)) }),
        },
        "left" => Standing { held: Some(Held::default()), ..Standing::default() },
        "kicked" => Standing { held: Some(Held { ban: Some(term(member)), quiet: None }), ..Standing::default() },
        _ => Standing::default(),
    }
}

fn term(member: &Member) -> Term {
    Term { until_ms: (member.until_date > 0).then(|| member.until_date.saturating_mul(1000)) }
}

/// What somebody restricted may all the same, as Telegram calls it.
fn quiet(member: &Member) -> Quiet {
    let read = [
        ("can_send_messages", member.can_send_messages),
        ("can_change_info", member.can_change_info),
        ("can_pin_messages", member.can_pin_messages),
    ];
    let other = PERMISSIONS.iter().filter(|name| member.other.get(**name) == Some(&Value::Bool(true)));
    let may = read.iter().filter(|(_, may)| *may).map(|(name, _)| *name).chain(other.copied());
    Quiet { term: term(member), may: may.map(str::to_owned).collect() }
}

pub(crate) async fn examine(api: &Api) -> Vec<Finding> {
    match api.call::<Myself>("getMe", &json!({})).await {
        Ok(me) => {
            let privacy = Finding {
                // It answers those who address it all the same.
                ok: true,
                what: if me.can_read_all_group_messages {
                    "it reads all messages in groups".to_owned()
                } else {
                    "in groups it reads only commands, mentions and replies (privacy mode is on)".to_owned()
                },
                remedy: (!me.can_read_all_group_messages).then(|| {
                    "to volunteer answers or to see scams, turn privacy off with @BotFather (/setprivacy) or make the bot \
                     an administrator; then add it to the group again"
                        .to_owned()
                }),
            };
            vec![Finding { ok: true, what: format!("the token is that of @{}", me.username), remedy: None }, privacy]
        }
        Err(ApiError::Said { code: 401 | 404, .. }) => vec![Finding {
            ok: false,
            what: "Telegram does not know this token".to_owned(),
            remedy: Some(
                "copy it again from @BotFather (/mybots, API Token); if it was revoked, make a new one".to_owned(),
            ),
        }],
        Err(error) => vec![Finding {
            ok: false,
            what: format!("Telegram could not be asked: {}", words(error)),
            remedy: Some("check the network, and `api_base` if it is set".to_owned()),
        }],
    }
}
