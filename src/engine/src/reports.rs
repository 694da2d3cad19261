//! Reports of members: weighed, capped, and passed on to moderators as a case. A report never acts by itself.

use serde_json::json;
use townkeeper_contract::case::{CaseAction, ShieldMode};
use townkeeper_contract::id::{MessageRef, PersonId};
use townkeeper_contract::inbound::Inbound;
use townkeeper_core::cases::{NOBODY, REPORTS_PER_HOUR, weight};
use townkeeper_core::decide::cases::Cased;
use townkeeper_core::say;
use townkeeper_shield::Tier;
use townkeeper_store::{NewCase, Report};

use crate::{EngineError, House};

/// Notes a report, and opens a case when all that were made of the message weigh enough.
pub(crate) async fn pass_on(
    house: &House,
    inbound: &Inbound,
    message: MessageRef,
    author: Option<PersonId>,
    text: String,
) -> Cased {
    noted(house, inbound, message, author, text).await.unwrap_or_else(|error| {
        tracing::error!(%error, "a report could not be passed on");
        Cased::Failed
    })
}

async fn noted(
    house: &House,
    inbound: &Inbound,
    message: MessageRef,
    author: Option<PersonId>,
    text: String,
) -> Result<Cased, EngineError> {
    let now_ms = house.clock.now_ms();
    let report = Report {
        workspace: house.workspace.clone(),
        account: inbound.account.0.clone(),
        message: message.0.clone(),
        person: inbound.person.id.0.clone(),
        weight: match house.shield.tier(&inbound.account, &inbound.person.id, now_ms) {
            Tier::New => weight::NEW,
            Tier::Member => weight::MEMBER,
            Tier::Trusted | Tier::Staff => weight::TRUSTED,
        },
        at_most: weight::NEW_AT_MOST,
        per_hour: REPORTS_PER_HOUR,
        now_ms,
    };
    if house.store.report(report).await? < weight::OPENS {
        return Ok(Cased::Reported);
    }
    // One case a message, however often it is reported.
    let event = format!("report/{message}");
    let hashes = house.pictures.of(&inbound.account, &message);
    let case = NewCase {
        event: event.clone(),
        place: inbound.place.id.0.clone(),
        address: inbound.place.address.as_ref().unwrap_or(&inbound.reply_to).0.clone(),
        message: Some(message.0),
        edit: false,
        person: author.map_or_else(|| NOBODY.to_owned(), |author| author.0),
        name: String::new(),
        text,
        why: say::cases::reported().to_owned(),
        verdict: json!({ "verdict": "flag", "signals": [{ "id": "reported", "source": "members" }] }),
        action: CaseAction::Flag,
        also: Vec::new(),
        mode: ShieldMode::Flag,
        counted: None,
    };
    house.store.open_case(&house.workspace, inbound.account.as_str(), case, now_ms).await?;
    house.store.keep_pictures(&house.workspace, inbound.account.as_str(), &event, hashes).await?;
    house.cases_kick.notify_one();
    Ok(Cased::Reported)
}
