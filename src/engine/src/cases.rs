//! Cases: shown to moderators, acted upon, decided. Everything that is done about one is an act of moderation like any
//! other, under a key that names the case, so that it is done once and can be taken back.

use std::sync::Arc;
use std::time::Duration;

use townkeeper_contract::access::Permission;
use townkeeper_contract::case::{Case, CaseDecided, CaseState, CaseWord};
use townkeeper_contract::id::{AccountId, ActionId, PlaceId};
use townkeeper_contract::inbound::{Inbound, ReplyTo};
use townkeeper_contract::moderation::Verb;
use townkeeper_contract::outbound::{Act, Button};
use townkeeper_contract::place::PlaceWho;
use townkeeper_core::access::may;
use townkeeper_core::cases::{self, Step};
use townkeeper_core::decide::cases::{Cased, Decided};
use townkeeper_core::decide::moderate::{Moderated, said};
use townkeeper_core::gate::origin::defanged;
use townkeeper_core::say;
use townkeeper_store::{
    By, Card, DecideCase, Denied, ErasureReport, KeptCase, NewAction, Sendable, ShowCase, StoreError,
};

use crate::moderate::{self, ForCase};
use crate::shield::{ACTS, May};
use crate::{Engine, EngineError, House, ids, outbox};

/// How often it is looked for new cases, besides when one was just written.
const LOOK: Duration = Duration::from_secs(1);

/// How many cases are read at a time.
const BATCH: u32 = 100;

/// How long moderators may press a button below a case.
const LIFE_MS: i64 = 14 * 24 * 60 * 60 * 1000;

/// How we sign what we do by ourselves.
const SHIELD: &str = "shield";

/// Shows cases until the daemon drains. What is left then is shown at the next start.
pub(crate) async fn run(house: Arc<House>) {
    let mut cards = cases::Cards::default();
    loop {
        tokio::select! {
            () = house.draining.cancelled() => return,
            () = house.cases_kick.notified() => {}
            () = tokio::time::sleep(LOOK) => {}
        }
        if let Err(error) = show_new(&house, &mut cards).await {
            tracing::warn!(%error, "cases could not be shown; trying again");
        }
    }
}

async fn show_new(house: &Arc<House>, cards: &mut cases::Cards) -> Result<(), EngineError> {
    // What is found in a frozen town is acted upon after the thaw.
    while !house.door.freeze().is_frozen() {
        let found = house.store.unshown_cases(&house.workspace, BATCH).await?;
        if found.is_empty() {
            break;
        }
        let mut late = Vec::new();
        for kept in found {
            let (done, called) = by_itself(house, &kept).await?;
            if !cases::is_shown(kept.case.mode) {
                show(house, &kept.case, Vec::new()).await?;
            } else if cards.single(house.clock.now_ms()) || called {
                let mut cards = if called { calls(house, &kept.case) } else { Vec::new() };
                cards.extend(cards_of(house, &kept.case, &done));
                show(house, &kept.case, cards).await?;
            } else {
                late.push(kept.case);
            }
        }
        digest(house, &late).await?;
    }
    Ok(())
}

/// Does what is done without a moderator, where one let us. What came of it, in words; and whether somebody must be
/// called.
async fn by_itself(house: &Arc<House>, kept: &KeptCase) -> Result<(String, bool), EngineError> {
    // Somebody may have spoken while it waited: behind a freeze, or behind others.
    let kept = house.store.case(&house.workspace, kept.case.number).await?;
    let Some(kept) = kept.filter(|kept| kept.said == 0 && kept.case.state == CaseState::Open) else {
        return Ok((String::new(), false));
    };
    let steps = cases::by_itself(kept.case.action, kept.case.mode);
    if !steps.is_empty() && moderate::is_spared(house, &kept.case, &kept.address).await? {
        return Ok((say::cases::spared().to_owned(), false));
    }
    let may = if steps.is_empty() { May::Show } else { house.shield.may_act(house.clock.now_ms()) };
    if may != May::Act {
        return Ok((String::new(), may == May::Call));
    }
    let by = By {
        workspace: house.workspace.clone(),
        actor: SHIELD.to_owned(),
        method: SHIELD.to_owned(),
        now_ms: house.clock.now_ms(),
    };
    let done = carry_out(house, &by, &kept, steps, None).await?;
    let told = if done.undone.is_empty() { say::cases::took_down().to_owned() } else { done.undone.join(" ") };
    Ok((told, false))
}

/// The card in every place where moderators of the workspace read.
fn cards_of(house: &House, case: &Case, done: &str) -> Vec<Card> {
    let now_ms = house.clock.now_ms();
    let card = |(account, place, reply_to): (AccountId, _, ReplyTo)| {
        let reply = say::cases::card(case, done);
        let mut actions = Vec::with_capacity(reply.offers.len());
        let buttons = reply.offers.into_iter().map(|offer| {
            let id = ids::secret();
            actions.push(NewAction {
                id: id.clone(),
                choice: townkeeper_core::decide::cases::choice(&offer.action.0),
                meaning: offer.action.0,
                person: None,
                expires_ms: now_ms.saturating_add(LIFE_MS),
            });
            Button { action: ActionId::new(id), label: offer.label }
        });
        let act = Act::Message { buttons: buttons.collect(), body: defanged(reply.body, house.base().allowed()) };
        Card { say: notice(&place, reply_to, act, now_ms), account: account.0, actions }
    };
    moderators(house, case).into_iter().map(card).collect()
}

/// Tells moderators that nothing is done by itself any more.
fn calls(house: &House, case: &Case) -> Vec<Card> {
    tracing::warn!("the shield did too much by itself: it only shows what it finds until a moderator has looked");
    let now_ms = house.clock.now_ms();
    let call = |(account, place, reply_to): (AccountId, PlaceId, ReplyTo)| {
        let act = Act::Message { body: say::cases::breaker(ACTS), buttons: Vec::new() };
        Card { say: notice(&place, reply_to, act, now_ms), account: account.0, actions: Vec::new() }
    };
    moderators(house, case).into_iter().map(call).collect()
}

fn moderators(house: &House, case: &Case) -> Vec<(AccountId, PlaceId, ReplyTo)> {
    house.places.all_notices(&case.account, case.place.as_str(), |account| house.door.rules(account))
}

fn notice(place: &PlaceId, reply_to: ReplyTo, act: Act, now_ms: i64) -> Sendable {
    // A line of its own, which no answer waits in. Of use at any time.
    Sendable { id: ids::ulid(now_ms), dest: format!("cases/{place}"), reply_to, act, deadline_ms: i64::MAX }
}

async fn show(house: &Arc<House>, case: &Case, cards: Vec<Card>) -> Result<(), EngineError> {
    let show = ShowCase {
        workspace: house.workspace.clone(),
        number: case.number,
        cards,
        node: house.node.id.clone(),
        now_ms: house.clock.now_ms(),
    };
    for row in house.store.show_case(show).await?.into_iter().flatten() {
        outbox::send(house, row);
    }
    metrics::counter!("townkeeper_cases_total", "action" => case.action.as_str(), "mode" => case.mode.as_str())
        .increment(1);
    Ok(())
}

/// One message about all that come too fast for a card each.
async fn digest(house: &Arc<House>, late: &[Case]) -> Result<(), EngineError> {
    let Some((first, rest)) = late.split_first() else { return Ok(()) };
    let all: Vec<&Case> = late.iter().collect();
    let now_ms = house.clock.now_ms();
    let card = |(account, place, reply_to): (AccountId, _, ReplyTo)| {
        let body = defanged(say::cases::digest(&all), house.base().allowed());
        let act = Act::Message { body, buttons: Vec::new() };
        Card { say: notice(&place, reply_to, act, now_ms), account: account.0, actions: Vec::new() }
    };
    show(house, first, moderators(house, first).into_iter().map(card).collect()).await?;
    for case in rest {
        show(house, case, Vec::new()).await?;
    }
    Ok(())
}

/// What came of the acts that a word about a case leads to.
#[derive(Default)]
struct Done {
    acts: Vec<i64>,
    swept: usize,
    undone: Vec<String>,
}

/// Who says something about a case, and in whose right.
struct Voice {
    by: By,
    /// The number of who wants it, where the platform's word counts.
    person: Option<String>,
}

/// Does what a moderator said in a chat, if they may.
pub(crate) async fn said_in_chat(house: &Arc<House>, inbound: &Inbound, number: i64, word: CaseWord) -> Cased {
    let said = async {
        let Some(kept) = house.store.case(&house.workspace, number).await? else { return Ok(Cased::NoSuchCase) };
        match voice(house, inbound, &kept.case).await? {
            Some(voice) => decide(house, voice, kept, word).await.map(|(cased, _)| cased),
            None => Ok(Cased::NotAllowed),
        }
    };
    said.await.unwrap_or_else(|error: EngineError| {
        tracing::error!(%error, case = number, "what a moderator said about a case could not be done");
        Cased::Failed
    })
}

impl Engine {
    /// Does what somebody with the permission said about a case. Its second half is `None` where nothing changed.
    pub async fn say_of_case(
        &self,
        by: By,
        number: i64,
        word: CaseWord,
    ) -> Result<(Cased, Option<CaseDecided>), EngineError> {
        said_over_api(&self.house, by, number, word).await
    }

    /// Takes a person out of every table, and out of what the shield remembers.
    pub async fn erase_person(&self, by: By, account: &str, person: &str) -> Result<ErasureReport, EngineError> {
        // Before, so that nothing is written down of them any more; and after, whatever came of it.
        self.house.shield.forget(account, person);
        let erased = self.house.store.erase_person(by, account, person).await;
        self.house.shield.forget(account, person);
        let report = erased?;
        self.house.shield.learn(&self.house).await?;
        Ok(report)
    }
}

/// Whoever may moderate may say so; the platform is asked for our own right alone.
async fn said_over_api(
    house: &Arc<House>,
    by: By,
    number: i64,
    word: CaseWord,
) -> Result<(Cased, Option<CaseDecided>), EngineError> {
    let Some(kept) = house.store.case(&house.workspace, number).await? else { return Ok((Cased::NoSuchCase, None)) };
    decide(house, Voice { by, person: None }, kept, word).await
}

/// Whoever holds the role may; else whoever may take messages down where it stands, by the platform's own word.
async fn voice(house: &House, inbound: &Inbound, case: &Case) -> Result<Option<Voice>, EngineError> {
    let Some((platform, _)) = inbound.account.as_str().split_once(':') else { return Ok(None) };
    let id = inbound.person.id.as_str();
    if inbound.person.bot {
        return Ok(None);
    }
    let known = house.store.person_of(&house.workspace, platform, id).await?;
    let by = By {
        workspace: house.workspace.clone(),
        actor: known
            .as_ref()
            .map_or_else(|| format!("platform:{platform}:{id}"), |member| format!("person:{}", member.id)),
        method: format!("chat:{platform}:{id}"),
        now_ms: house.clock.now_ms(),
    };
    if known.is_some_and(|member| may(&member.roles, Permission::Moderate)) {
        return Ok(Some(Voice { by, person: None }));
    }
    let rules = house.door.rules(&case.account);
    let by_platform = house.places.who(&case.account, case.place.as_str(), rules) == PlaceWho::Platform;
    let same = inbound.account == case.account && by_platform;
    let lets = same && moderate::lets_remove(house, case, inbound).await;
    Ok(lets.then(|| Voice { by, person: Some(id.to_owned()) }))
}

async fn decide(
    house: &Arc<House>,
    voice: Voice,
    kept: KeptCase,
    word: CaseWord,
) -> Result<(Cased, Option<CaseDecided>), EngineError> {
    let number = kept.case.number;
    let Some((state, steps)) = cases::decide(kept.case.state, word) else {
        // Said before; but a death may have come between the word and its acts. Under the same keys they are done once.
        let (_, steps) = cases::meaning(word);
        if word != CaseWord::Undo {
            carry_out(house, &voice.by, &kept, steps, voice.person.as_deref()).await?;
        }
        return Ok((Cased::Same, None));
    };
    let decide = DecideCase { by: voice.by.clone(), number, said: kept.said, to: state };
    match house.store.decide_case(decide).await {
        Ok(()) => {}
        Err(StoreError::Denied(Denied::Moved)) => return Ok((Cased::Faster, None)),
        Err(error) => return Err(error.into()),
    }
    metrics::counter!("townkeeper_case_words_total", "word" => word.as_str()).increment(1);
    if let Err(error) = house.shield.learn(house).await {
        tracing::warn!(%error, "what was said about a case is learnt a moment later");
    }
    // Under keys of their own: taken back and said again, it is done again.
    let kept = KeptCase { said: kept.said + 1, ..kept };
    let done = carry_out(house, &voice.by, &kept, steps, voice.person.as_deref()).await?;
    let told = CaseDecided { number, state, acts: done.acts.clone(), undone: done.undone.clone() };
    let decided = Decided { number, state, acts: done.acts.len(), swept: done.swept, undone: done.undone };
    Ok((Cased::Decided(decided), Some(told)))
}

async fn carry_out(
    house: &Arc<House>,
    by: &By,
    kept: &KeptCase,
    steps: &[Step],
    person: Option<&str>,
) -> Result<Done, EngineError> {
    let mut done = Done::default();
    for step in steps {
        match step {
            Step::Remove if kept.case.message.is_none() => {}
            Step::Remove => order(house, by, kept, Verb::Remove, person, &mut done).await?,
            Step::Restrict => order(house, by, kept, Verb::Restrict, person, &mut done).await?,
            Step::TakeBack => take_back(house, by, kept, person, &mut done).await?,
            Step::Sweep => sweep(house, by, kept, person, &mut done).await?,
        }
    }
    Ok(done)
}

async fn order(
    house: &Arc<House>,
    by: &By,
    kept: &KeptCase,
    verb: Verb,
    person: Option<&str>,
    done: &mut Done,
) -> Result<(), EngineError> {
    let case = &kept.case;
    let act = ForCase {
        key: format!("case/{}/{}/{verb}", case.number, kept.said),
        verb,
        account: &case.account,
        place: case.place.as_str(),
        address: &kept.address,
        message: case.message.clone(),
        person: Some(case.person.clone()),
        for_ms: cases::QUIET_MS,
        reason: format!("case {}", case.number),
        by_person: person.map(str::to_owned),
    };
    match moderate::for_case(house, by.clone(), act).await? {
        Moderated::Ordered { number, .. } => done.acts.push(number),
        other => done.undone.push(said(other).body.to_plain()),
    }
    Ok(())
}

/// Takes back what was done about a case. What was taken down stays down: no platform brings a message back.
async fn take_back(
    house: &Arc<House>,
    by: &By,
    kept: &KeptCase,
    person: Option<&str>,
    done: &mut Done,
) -> Result<(), EngineError> {
    let number = kept.case.number;
    let acts = house.store.orders_asked(&house.workspace, &format!("case/{number}/")).await?;
    let removed = acts.iter().filter(|(_, verb)| *verb == Verb::Remove).count();
    for (act, verb) in acts {
        if verb == Verb::Remove {
            continue;
        }
        let key = format!("case/{number}/{}/back/{act}", kept.said);
        match moderate::back_for_case(house, by.clone(), key, act, person.map(str::to_owned)).await? {
            Moderated::Ordered { number, .. } => done.acts.push(number),
            Moderated::Reversed { .. } => {}
            other => done.undone.push(said(other).body.to_plain()),
        }
    }
    if removed > 0 && kept.case.state != CaseState::Open {
        done.undone.push(say::cases::gone(removed));
    }
    Ok(())
}

/// Takes down what is like it, of the last day, wherever it stands; for somebody of whom only a platform says that they
/// moderate, where it says so.
async fn sweep(
    house: &Arc<House>,
    by: &By,
    kept: &KeptCase,
    person: Option<&str>,
    done: &mut Done,
) -> Result<(), EngineError> {
    for copy in house.shield.copies(&kept.case, house.clock.now_ms()) {
        let account = AccountId::from(copy.account.as_str());
        if person.is_some() && account != kept.case.account {
            continue;
        }
        let Some(address) = house.store.address_of(&house.workspace, &copy.account, &copy.place).await? else {
            continue;
        };
        let act = ForCase {
            key: format!("case/{}/{}/copy/{}/{}", kept.case.number, kept.said, copy.account, copy.message),
            verb: Verb::Remove,
            account: &account,
            place: &copy.place,
            address: &address.0,
            message: Some(copy.message.as_str().into()),
            person: None,
            for_ms: 0,
            reason: format!("case {}: a copy", kept.case.number),
            by_person: person.map(str::to_owned),
        };
        match moderate::for_case(house, by.clone(), act).await? {
            Moderated::Ordered { .. } => done.swept += 1,
            other => done.undone.push(said(other).body.to_plain()),
        }
    }
    // One sentence for however many places we may not moderate.
    done.undone.dedup();
    Ok(())
}
