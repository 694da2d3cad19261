//! Places: an image in memory of what is set for each, so that judging an event asks no store; and what moderators and
//! platforms do to them.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use townkeeper_contract::access::Permission;
use townkeeper_contract::case::ShieldMode;
use townkeeper_contract::id::{AccountId, PlaceId};
use townkeeper_contract::inbound::{Body, Inbound, PlaceKind, PresenceChange, ReplyTo};
use townkeeper_contract::place::{PlaceChange, PlaceChannel, PlaceInfo, PlaceMode, PlaceSetting, PlaceWho};
use townkeeper_contract::platform::Right;
use townkeeper_core::access::may;
use townkeeper_core::decide::keeper::{Asker, Health, Kept, PlaceAsk, Placed, Wish};
use townkeeper_core::places::{self, Here, Place, Rules};
use townkeeper_store::{By, SeenPlace, StoreError};

use crate::{Engine, EngineError, House, access};

/// How often the store is looked at: another daemon on the same database may have set something.
const LOOK: Duration = Duration::from_secs(1);

/// What is set for each place, as the store had it last.
#[derive(Debug, Default)]
pub(crate) struct Places(RwLock<Image>);

#[derive(Debug, Default)]
struct Image {
    /// How many changes it has seen.
    changes: i64,
    known: HashMap<AccountId, HashMap<PlaceId, Place>>,
}

impl Places {
    /// What an event's place means for it.
    pub(crate) fn here(&self, inbound: &Inbound, rules: Rules) -> Here {
        if inbound.place.kind == PlaceKind::Private {
            return Here::default();
        }
        let (id, within) = (&inbound.place.id, inbound.place.within.as_ref());
        if within.is_none() && matches!(inbound.body, Body::Roster { .. }) {
            return self.with_parts(&inbound.account, id, |place, parts| places::here_of_whole(place, parts, rules));
        }
        self.with(&inbound.account, id, within, |place, whole| places::here(place, whole, rules))
    }

    /// Who may set it up and moderate in it, as far as it is known.
    pub(crate) fn who(&self, account: &AccountId, id: &str, rules: Rules) -> PlaceWho {
        let id = PlaceId::from(id);
        let within = self.with(account, &id, None, |place, _| place.and_then(|place| place.within.clone()));
        self.with(account, &id, within.as_ref(), |place, whole| places::here(place, whole, rules)).who
    }

    /// Whether a place is one where scams are talked about: members report them there, or it is the team's.
    pub(crate) fn is_about_scams(&self, account: &AccountId, id: &str, rules: Rules) -> bool {
        let id = PlaceId::from(id);
        let within = self.with(account, &id, None, |place, _| place.and_then(|place| place.within.clone()));
        self.with(account, &id, within.as_ref(), |place, whole| {
            let notices = place.and_then(|place| place.value(PlaceSetting::Notices)) == Some("here");
            let channel = places::here(place, whole, rules).channel;
            notices || matches!(channel, PlaceChannel::Reports | PlaceChannel::Staff)
        })
    }

    /// Where moderators read what was done in a place: linked places with notices, not those of another server.
    pub(crate) fn of_notices(&self, account: &AccountId, id: &str, rules: Rules) -> Vec<(PlaceId, ReplyTo)> {
        let image = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let Some(known) = image.known.get(account) else { return Vec::new() };
        let id = PlaceId::from(id);
        // Of what is not known, nobody knows in which server it is.
        let server = match known.get(&id) {
            Some(place) => Some(place.within.as_ref().unwrap_or(&id)),
            None => known.values().any(|place| place.within.as_ref() == Some(&id)).then_some(&id),
        };
        let same = |place: &Place| server.is_none() || place.within.is_none() || place.within.as_ref() == server;
        let whole = |place: &Place| place.within.as_ref().and_then(|whole| known.get(whole));
        let reads = |place: &&Place| {
            place.value(PlaceSetting::Notices) == Some("here")
                && same(place)
                && places::is_linked(Some(place), whole(place), rules)
        };
        let address = |place: &Place| Some((place.id.clone(), place.address.clone()?));
        known.values().filter(reads).filter_map(address).collect()
    }

    /// Every place where moderators of the workspace read, of any account; of the account itself only those that read
    /// what is done in that place.
    pub(crate) fn all_notices(
        &self,
        account: &AccountId,
        id: &str,
        rules: impl Fn(&AccountId) -> Rules,
    ) -> Vec<(AccountId, PlaceId, ReplyTo)> {
        let accounts: Vec<AccountId> = {
            let image = self.0.read().unwrap_or_else(PoisonError::into_inner);
            image.known.keys().cloned().collect()
        };
        let of = |other: AccountId| {
            // A place of another account is in no server that we know here.
            let id = if other == *account { id } else { "" };
            let there = self.of_notices(&other, id, rules(&other));
            there.into_iter().map(move |(place, reply_to)| (other.clone(), place, reply_to))
        };
        accounts.into_iter().flat_map(of).collect()
    }

    /// Where somebody decided whether the safety page stands, and whether it does: it is wanted, and the place is linked.
    pub(crate) fn of_safety(&self, rules: impl Fn(&AccountId) -> Rules) -> Vec<(Place, bool)> {
        let image = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let each = image.known.values().flat_map(|known| known.values().map(move |place| (known, place)));
        let decided = each.filter_map(|(known, place)| {
            let here = place.value(PlaceSetting::Safety)? == "here";
            let whole = place.within.as_ref().and_then(|whole| known.get(whole));
            Some((place.clone(), here && places::is_linked(Some(place), whole, rules(&place.account))))
        });
        decided.collect()
    }

    /// Looks at a place, and at the bigger one that it is a part of.
    fn with<T>(
        &self,
        account: &AccountId,
        id: &PlaceId,
        within: Option<&PlaceId>,
        read: impl FnOnce(Option<&Place>, Option<&Place>) -> T,
    ) -> T {
        let image = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let known = |id: &PlaceId| image.known.get(account).and_then(|places| places.get(id));
        read(known(id), within.and_then(known))
    }

    /// Looks at a place, and at all that is known to be a part of it.
    fn with_parts<T>(
        &self,
        account: &AccountId,
        id: &PlaceId,
        read: impl FnOnce(Option<&Place>, &mut dyn Iterator<Item = &Place>) -> T,
    ) -> T {
        let image = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let known = image.known.get(account);
        let mut parts = known.into_iter().flat_map(HashMap::values).filter(|part| part.within.as_ref() == Some(id));
        read(known.and_then(|places| places.get(id)), &mut parts)
    }

    /// Whether a place says by itself whether it is linked.
    fn links_itself(&self, inbound: &Inbound) -> bool {
        let own = |place: Option<&Place>, _: Option<&Place>| {
            place.is_some_and(|place| place.value(PlaceSetting::Link).is_some())
        };
        self.with(&inbound.account, &inbound.place.id, None, own)
    }

    fn info(&self, place: &Place, rules: Rules) -> PlaceInfo {
        self.with(&place.account, &place.id, place.within.as_ref(), |_, whole| place.info(whole, rules))
    }

    fn changes(&self) -> i64 {
        self.0.read().unwrap_or_else(PoisonError::into_inner).changes
    }

    /// Takes over what the store said, unless something newer is here already.
    fn adopt(&self, changes: i64, places: Vec<Place>) {
        let mut known: HashMap<AccountId, HashMap<PlaceId, Place>> = HashMap::new();
        for place in places {
            known.entry(place.account.clone()).or_default().insert(place.id.clone(), place);
        }
        let mut image = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if changes >= image.changes {
            *image = Image { changes, known };
        }
    }
}

/// Before anything is judged: what the store says.
pub(crate) async fn load(house: &House) -> Result<(), StoreError> {
    refresh(house).await
}

pub(crate) async fn refresh(house: &House) -> Result<(), StoreError> {
    // In this order: what is changed in between is read twice, and never missed.
    let changes = house.store.place_changes(&house.workspace).await?;
    house.places.adopt(changes, house.store.places(&house.workspace).await?);
    Ok(())
}

/// Looks whether the store has something new, again and again.
pub(crate) async fn run(house: Arc<House>) {
    loop {
        tokio::select! {
            () = house.draining.cancelled() => return,
            () = tokio::time::sleep(LOOK) => {}
        }
        let looked = async {
            let changed = house.store.place_changes(&house.workspace).await? != house.places.changes();
            if changed { refresh(&house).await } else { Ok(()) }
        };
        if let Err(error) = looked.await {
            // Whatever was so stays so.
            tracing::warn!(%error, "the settings of places could not be read; trying again");
        }
    }
}

/// Finds out or does what a decision asks for.
pub(crate) async fn find_out(house: &House, inbound: &Inbound, ask: PlaceAsk) -> Result<Placed, StoreError> {
    Ok(match ask {
        PlaceAsk::Presence(change) => {
            presence(house, inbound, change).await?;
            Placed::Noted
        }
        PlaceAsk::Asker => Placed::Asker(asker(house, inbound).await?),
        PlaceAsk::Keep { actor, wish } => {
            Placed::Kept(keep(house, inbound, actor, wish).await.unwrap_or_else(|error| {
                tracing::error!(%error, "what a moderator asked for could not be done");
                Kept::Failed
            }))
        }
    })
}

fn seen(inbound: &Inbound) -> SeenPlace {
    SeenPlace {
        account: inbound.account.0.clone(),
        place: inbound.place.id.0.clone(),
        kind: inbound.place.kind,
        address: inbound.place.address.clone(),
        within: inbound.place.within.clone(),
    }
}

/// The bigger place that it was said in a part of; else the place itself. That is what is linked.
pub(crate) fn whole(inbound: &Inbound) -> SeenPlace {
    let seen = seen(inbound);
    match seen.within {
        Some(within) => SeenPlace { place: within.0, within: None, ..seen },
        None => seen,
    }
}

/// Where one asks about a place.
fn address(inbound: &Inbound) -> &ReplyTo {
    inbound.place.address.as_ref().unwrap_or(&inbound.reply_to)
}

/// Whose account it is that asks, and what the platform says at this moment that it may do in the place.
async fn asker(house: &House, inbound: &Inbound) -> Result<Asker, StoreError> {
    let Some(platform) = access::platform(inbound) else { return Ok(Asker::default()) };
    let id = inbound.person.id.as_str();
    let person = house.store.person_of(&house.workspace, platform, id).await?.map(|member| (member.id, member.roles));
    // Whom we know as a moderator the platform need not vouch for.
    if person.as_ref().is_some_and(|(_, roles)| may(roles, Permission::Moderate)) {
        return Ok(Asker { account: format!("{platform}:{id}"), person, standing: None });
    }
    let standing =
        house.door.standing(&inbound.account, address(inbound), Some(&inbound.person.id), &house.clock).await;
    let standing = standing.inspect_err(|error| tracing::warn!(%error, account = %inbound.account, "standing")).ok();
    Ok(Asker { account: format!("{platform}:{id}"), person, standing })
}

async fn keep(house: &House, inbound: &Inbound, actor: String, wish: Wish) -> Result<Kept, StoreError> {
    let rules = house.door.rules(&inbound.account);
    match wish {
        Wish::Show => {
            let (id, within) = (&inbound.place.id, inbound.place.within.as_ref());
            let shown = |place: Option<&Place>, whole: Option<&Place>| places::shown(place, whole, rules);
            Ok(Kept::Shown(house.places.with(&inbound.account, id, within, shown)))
        }
        Wish::Health => Ok(Kept::Health(health(house, inbound).await?)),
        Wish::Set(setting, value) => {
            let method = access::method(inbound);
            let by = By { workspace: house.workspace.clone(), actor, method, now_ms: house.clock.now_ms() };
            let at = if setting == PlaceSetting::Link { whole(inbound) } else { seen(inbound) };
            let set = [(setting, value.clone())];
            // A part that was linked by itself would else stay as it was.
            if at.place != inbound.place.id.0 && house.places.links_itself(inbound) {
                house.store.set_place(by.clone(), seen(inbound), &set).await?;
            }
            house.store.set_place(by.clone(), at, &set).await?;
            look_at(house, by, &set).await?;
            refresh(house).await?;
            if setting == PlaceSetting::Safety {
                return stands(house, inbound, value == "here").await;
            }
            let on = house.places.here(inbound, rules).mode != PlaceMode::Off;
            Ok(Kept::Set { setting, value, on })
        }
    }
}

/// Whoever lets the shield guard has looked: it may act again.
async fn look_at(house: &House, by: By, set: &[(PlaceSetting, String)]) -> Result<(), StoreError> {
    let guards = set.iter().any(|set| set.0 == PlaceSetting::Shield && set.1 == ShieldMode::Guard.as_str());
    if guards { house.store.reset_breaker(by).await } else { Ok(()) }
}

/// What a moderator is told who has the safety page put up, or taken down. Said again, it is looked after once more.
async fn stands(house: &House, inbound: &Inbound, here: bool) -> Result<Kept, StoreError> {
    let (account, place) = (inbound.account.as_str(), inbound.place.id.as_str());
    if !here {
        return Ok(Kept::Stands { here, linked: true, pins: true });
    }
    house.store.renew_standing(&house.workspace, account, place).await?;
    let rules = house.door.rules(&inbound.account);
    let (id, within) = (&inbound.place.id, inbound.place.within.as_ref());
    let linked = house.places.with(&inbound.account, id, within, |place, whole| places::is_linked(place, whole, rules));
    // What cannot be asked just now is not held against us: whether it is pinned, everybody can see.
    let standing = house.door.standing(&inbound.account, address(inbound), None, &house.clock).await;
    Ok(Kept::Stands { here, linked, pins: standing.map_or(true, |standing| standing.may(Right::Pin)) })
}

async fn health(house: &House, inbound: &Inbound) -> Result<Health, StoreError> {
    let trouble = house.trouble(&inbound.account);
    let standing = house.door.standing(&inbound.account, address(inbound), None, &house.clock).await.ok();
    let (waiting, unknown) = house.store.account_deliveries(&house.workspace, inbound.account.as_str()).await?;
    Ok(Health { trouble, standing, waiting, unknown })
}

/// Writes down what became of us in a place.
async fn presence(house: &House, inbound: &Inbound, change: PresenceChange) -> Result<(), StoreError> {
    let (account, place) = (inbound.account.as_str(), inbound.place.id.as_str());
    let by = By {
        workspace: house.workspace.clone(),
        actor: account.to_owned(),
        method: "platform".to_owned(),
        now_ms: house.clock.now_ms(),
    };
    let (what, rows) = match change {
        PresenceChange::Removed => {
            ("we were removed; what waited is refused", house.store.leave_place(by, account, place).await?)
        }
        PresenceChange::Moved { to, address } => {
            let moved = house.store.move_place(by, account, place, &to, &address).await?;
            ("it has another id; what waited goes there", moved)
        }
        _ => return Ok(()),
    };
    tracing::info!(account, place, rows, "a place: {what}");
    refresh(house).await?;
    house.outbox_kick.notify_one();
    Ok(())
}

impl Engine {
    /// Every place that is known, with its settings and where they come from.
    pub async fn places(&self) -> Result<Vec<PlaceInfo>, EngineError> {
        let places = self.house.store.places(&self.house.workspace).await?;
        let info = |place: &Place| self.house.places.info(place, self.house.door.rules(&place.account));
        Ok(places.iter().map(info).collect())
    }

    /// Sets something for a place that is known. What is no valid setting is named.
    pub async fn set_place(
        &self,
        by: By,
        account: &str,
        place: &str,
        change: &PlaceChange,
    ) -> Result<PlaceInfo, EngineError> {
        let valid = |(setting, word): (_, String)| {
            places::valid(setting, &word).map(|value| (setting, value)).ok_or(EngineError::NoSetting { setting, word })
        };
        let set = change.each().into_iter().map(valid).collect::<Result<Vec<_>, _>>()?;
        let place = self.house.store.change_place(by.clone(), account, place, &set).await?;
        look_at(&self.house, by, &set).await?;
        if change.safety == Some(true) {
            self.house.store.renew_standing(&self.house.workspace, account, place.id.as_str()).await?;
        }
        refresh(&self.house).await?;
        Ok(self.house.places.info(&place, self.house.door.rules(&place.account)))
    }
}
