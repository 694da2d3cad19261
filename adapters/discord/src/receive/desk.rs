//! The desk: takes what the socket heard in order, makes batches of it, and has each accepted before anything of it is
//! promised or counts as read.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use serde_json::json;
use tokio::task::JoinSet;
use tokio::time::sleep;
use townkeeper_contract::Stop;
use townkeeper_contract::id::EventKey;
use townkeeper_contract::inbound::{Inbound, PresenceChange, RosterChange};
use townkeeper_contract::platform::{Cursor, Host, HostError};
use tracing::{debug, info};

use super::catchup::{Missed, Owed};
use super::event::Event;
use super::normalise::{self, Me};
use super::quick::{Promise, defer};
use super::socket::Heard;
use super::trouble::{Part, Trouble, pause};
use super::world::{self, World};
use super::{Kept, PLACES, SCOPE, SESSION, catchup};
use crate::answer::First;
use crate::wire::{Guild, Id, Interaction, MemberEvent, Message, Ready};
use crate::{Discord, commands};

/// Events taken together at most.
pub(super) const MOST: usize = 256;

/// How far we are: the cursor of the account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Position {
    pub(super) session: Arc<str>,
    pub(super) seq: u64,
    /// The latest message: ids of messages rise with time, over all channels.
    pub(super) last: Id,
}

impl Default for Position {
    fn default() -> Self {
        Self { session: "".into(), seq: 0, last: Id(0) }
    }
}

impl Position {
    pub(super) fn parse(value: &str) -> Option<Self> {
        let mut parts = value.rsplitn(3, ' ');
        let (last, seq) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
        Some(Self { session: parts.next()?.into(), seq, last })
    }

    fn cursor(&self) -> Cursor {
        Cursor { scope: SCOPE.into(), value: format!("{} {} {}", self.session, self.seq, self.last) }
    }
}

pub(super) struct Desk {
    bot: Arc<Discord>,
    host: Arc<dyn Host>,
    trouble: Arc<Trouble>,
    me: Option<Me>,
    world: World,
    position: Position,
    /// What the daemon knows of it.
    committed: Position,
    kept: Option<Kept>,
    batch: Vec<Inbound>,
    keys: HashSet<EventKey>,
    promises: Vec<Promise>,
    /// What is known of places changed.
    places_changed: bool,
    /// Promises under way.
    tasks: JoinSet<()>,
    /// The registration of commands. Ended when dropped.
    offers: JoinSet<()>,
    /// What was missed and not told of at first, asked for again.
    late: JoinSet<(Owed, Missed)>,
}

impl Desk {
    pub(super) fn new(
        bot: &Arc<Discord>,
        host: Arc<dyn Host>,
        trouble: Arc<Trouble>,
        position: Position,
        kept: Option<Kept>,
        places: world::Kept,
    ) -> Self {
        let world = World::with(places);
        let mut desk = Self {
            bot: Arc::clone(bot),
            host,
            trouble,
            me: None,
            world,
            committed: position.clone(),
            position,
            kept,
            batch: Vec::new(),
            keys: HashSet::new(),
            promises: Vec::new(),
            places_changed: false,
            tasks: JoinSet::new(),
            offers: JoinSet::new(),
            late: JoinSet::new(),
        };
        if let Some(kept) = desk.kept.clone() {
            desk.is(kept.user, kept.application);
        }
        desk
    }

    /// Who we are is known now.
    fn is(&mut self, user: Id, application: Id) {
        let me = Me { account: self.bot.account.clone(), user, application };
        if self.me.as_ref() != Some(&me) {
            let (bot, host) = (Arc::clone(&self.bot), Arc::clone(&self.host));
            self.offers.spawn(async move { commands::offer(&bot, &*host, application).await });
            self.me = Some(me);
        }
    }

    /// Takes what was heard. `false`: the daemon is stopping, and what was not accepted stays with Discord.
    pub(super) async fn take(&mut self, heard: impl Iterator<Item = Heard>, stop: &Stop) -> bool {
        while self.tasks.try_join_next().is_some() {}
        for Heard { session, seq, event } in heard {
            if let Event::Ready(ready) = event {
                if !self.commit(stop).await || !self.log_in(&ready, seq, stop).await {
                    return false;
                }
                continue;
            }
            if self.position.session != session {
                self.position = Position { session, seq, ..self.position };
            }
            self.position.seq = self.position.seq.max(seq);
            if let Event::Guild(guild) = event {
                if !self.guild(&guild, stop).await {
                    return false;
                }
                continue;
            }
            self.event(seq, event).await;
        }
        self.commit(stop).await
    }

    async fn event(&mut self, seq: u64, event: Event) {
        let Some(me) = self.me.clone() else { return };
        match event {
            Event::Said(message) => self.said(&message, &me).await,
            Event::Changed(message) => {
                self.world.ask(&self.bot.api, &*self.host, message.channel_id, message.guild_id).await;
                let edited = normalise::edited(&message, &me, &self.world);
                self.push(edited);
            }
            Event::Asked(asked) => self.asked(&asked, &me),
            Event::Joined(member) => {
                self.world.renamed(&member, normalise::name(&member.user, None));
                self.roster(&member, RosterChange::Joined, seq, &me);
            }
            Event::Left(member) => self.roster(&member, RosterChange::Left, seq, &me),
            Event::Member(member) => {
                let nick = member.nick.clone();
                let who = crate::wire::Member { nick, user: None };
                let name = normalise::name(&member.user, Some(&who));
                if let Some(from) = self.world.renamed(&member, name) {
                    self.roster(&member, RosterChange::Renamed { from }, seq, &me);
                }
            }
            Event::GuildGone(guild) if !guild.unavailable => {
                self.places_changed |= self.world.kept.guilds.remove(&guild.id).is_some();
                let n = format!("{}:{seq}", self.position.session);
                let at_ms = self.bot.api.now_ms().unwrap_or_default();
                self.push(Some(normalise::presence(&guild, PresenceChange::Removed, &n, at_ms, &me)));
            }
            Event::Channel(channel) => self.world.learn(&channel, None),
            Event::Ready(_) | Event::Guild(_) | Event::GuildGone(_) => {}
        }
    }

    async fn said(&mut self, message: &Message, me: &Me) {
        self.position.last = self.position.last.max(message.id);
        self.world.ask(&self.bot.api, &*self.host, message.channel_id, message.guild_id).await;
        let inbound = normalise::message(message, me, &self.world);
        if let Some(inbound) = &inbound {
            match (message.guild_id, &message.author) {
                (Some(guild), Some(author)) => self.world.heard(guild, author.id, &inbound.person.name),
                (None, _) if self.world.seat(message.channel_id).is_none() => {
                    self.places_changed |= self.world.direct(message.channel_id);
                }
                _ => {}
            }
        }
        self.push(inbound);
    }

    fn asked(&mut self, asked: &Interaction, me: &Me) {
        let inbound = normalise::interaction(asked, me, self.host.commands(), &self.world);
        if let Some(inbound) = &inbound {
            let via = crate::deliver::Target::of(&inbound.reply_to).ok().and_then(|to| to.via);
            let pressed = inbound.message.is_some();
            let private = via.is_some_and(|via| via.private);
            self.bot.interactions.open(asked.id);
            let (id, app, token) = (asked.id, asked.application_id, asked.token.clone());
            let heeded = self.host.heeds(inbound);
            self.promises.push(Promise { id, app, token, private, pressed, heeded });
        }
        self.push(inbound);
    }

    fn roster(&mut self, member: &MemberEvent, change: RosterChange, seq: u64, me: &Me) {
        let n = format!("{}:{seq}", self.position.session);
        let at_ms = self.bot.api.now_ms().unwrap_or_default();
        self.push(Some(normalise::roster(member, change, &n, at_ms, me)));
    }

    fn push(&mut self, inbound: Option<Inbound>) {
        match inbound {
            // A replay may bring an event twice into one batch.
            Some(inbound) => {
                if self.keys.insert(inbound.event.clone()) {
                    self.batch.push(inbound);
                }
            }
            None => {
                self.bot.seen.skipped.fetch_add(1, Relaxed);
            }
        }
    }

    /// A log-in that resumed nothing: what was said meanwhile has to be asked for, first of all in direct conversations.
    async fn log_in(&mut self, ready: &Ready, seq: u64, stop: &Stop) -> bool {
        self.is(ready.user.id, ready.application.id);
        // All of it is asked for anew.
        self.late.abort_all();
        let last = Some(self.position.last).filter(|last| *last > Id(0));
        let behind = self.kept.as_ref().and_then(|kept| kept.behind).into_iter().chain(last).min();
        self.position = Position { session: ready.session_id.as_str().into(), seq, last: self.position.last };
        let kept = Kept {
            session: ready.session_id.clone(),
            url: ready.resume_gateway_url.clone().filter(|url| crate::config::is_url(url, &["ws", "wss"])),
            seq,
            user: ready.user.id,
            application: ready.application.id,
            behind,
            awaited: ready.guilds.iter().map(|guild| guild.id).chain([catchup::DIRECTS]).collect(),
        };
        info!(account = %self.bot.account, guilds = ready.guilds.len(), behind = behind.is_some(), "logged in");
        self.keep(SESSION, &json!(kept).to_string()).await;
        self.kept = Some(kept);
        match behind {
            Some(behind) => {
                let directs = self.world.kept.directs.clone();
                self.catch_up(catchup::DIRECTS, &directs, behind, stop).await
            }
            None => self.commit(stop).await,
        }
    }

    /// All that was missed in this guild is on disk. After the last one nothing is behind any more.
    async fn caught_up(&mut self, guild: Id) {
        let Some(kept) = &mut self.kept else { return };
        kept.awaited.remove(&guild);
        if kept.awaited.is_empty() {
            kept.behind = None;
        }
        let kept = json!(kept).to_string();
        self.keep(SESSION, &kept).await;
    }

    async fn guild(&mut self, guild: &Guild, stop: &Stop) -> bool {
        if guild.unavailable {
            return true;
        }
        let us = self.me.as_ref().map(|me| me.user).unwrap_or_default();
        let new = self.world.learn_guild(guild, us);
        if let Some(me) = self.me.clone().filter(|_| new) {
            self.places_changed = true;
            let at_ms = chrono::DateTime::parse_from_rfc3339(&guild.joined_at).map_or(0, |at| at.timestamp_millis());
            self.push(Some(normalise::presence(guild, PresenceChange::Added, &guild.joined_at, at_ms, &me)));
        }
        if let Some(behind) = self.kept.as_ref().and_then(|kept| kept.behind) {
            let after = catchup::after(behind, self.bot.api.now_ms());
            let news = catchup::with_news(guild.channels.iter().chain(&guild.threads), after);
            return self.catch_up(guild.id, &news, behind, stop).await;
        }
        true
    }

    /// Takes what was missed in a guild. What Discord did not tell of is still awaited, and asked for again beside everything
    /// else: now, and after a log-in that comes first.
    async fn catch_up(&mut self, guild: Id, channels: &[Id], behind: Id, stop: &Stop) -> bool {
        let after = catchup::after(behind, self.bot.api.now_ms());
        let asked = stop.run_until_cancelled(catchup::missed(&self.bot, &self.host, channels, after)).await;
        let Some(missed) = asked else { return false };
        self.missed(Owed::new(guild, channels, behind), missed, stop).await
    }

    /// What was missed and could not be told of before; never, where nothing is awaited.
    pub(super) async fn told_late(&mut self) -> Option<(Owed, Missed)> {
        while let Some(told) = self.late.join_next().await {
            // What a log-in ended is asked for anew.
            if let Ok(told) = told {
                return Some(told);
            }
        }
        None
    }

    /// Takes it.
    pub(super) async fn take_late(&mut self, (owed, missed): (Owed, Missed), stop: &Stop) -> bool {
        self.missed(owed, missed, stop).await
    }

    /// The cursor moves behind it: a life that ends here has to do it again.
    async fn missed(&mut self, owed: Owed, mut missed: Missed, stop: &Stop) -> bool {
        let Some(me) = self.me.clone() else { return true };
        for message in std::mem::take(&mut missed.messages) {
            self.said(&message, &me).await;
            if self.batch.len() >= MOST && !self.offer(None, stop).await {
                return false;
            }
        }
        if !self.commit(stop).await {
            return false;
        }
        if missed.whole || owed.is_old() {
            self.caught_up(owed.guild).await;
        } else {
            let (bot, host) = (Arc::clone(&self.bot), Arc::clone(&self.host));
            self.late.spawn(catchup::later(bot, host, owed, missed));
        }
        true
    }

    /// Best effort: without it the next life begins anew.
    async fn keep(&self, name: &str, value: &str) {
        if let Err(error) = self.host.state_put(name, value).await {
            debug!(account = %self.bot.account, name, %error, "not kept");
        }
    }

    async fn commit(&mut self, stop: &Stop) -> bool {
        if self.batch.is_empty() && self.position == self.committed {
            return true;
        }
        let position = self.position.clone();
        let taken = self.offer(Some(position.cursor()), stop).await;
        if taken {
            self.committed = position;
        }
        taken
    }

    /// Offers the batch until the daemon has taken it, then promises the answers.
    async fn offer(&mut self, cursor: Option<Cursor>, stop: &Stop) -> bool {
        let mut failures = 0;
        loop {
            match self.host.accept(self.batch.clone(), cursor.clone()).await {
                Ok(()) => break,
                Err(HostError::Stopping) => return false,
                Err(error) => {
                    failures += 1;
                    self.trouble.tell(Part::Daemon, "the daemon does not take events", &error.to_string());
                    if stop.run_until_cancelled(sleep(pause(failures))).await.is_none() {
                        return false;
                    }
                }
            }
        }
        self.trouble.over(Part::Daemon);
        self.bot.seen.accepted.fetch_add(self.batch.len() as u64, Relaxed);
        self.batch.clear();
        self.keys.clear();
        for promise in self.promises.drain(..) {
            let (bot, host) = (Arc::clone(&self.bot), Arc::clone(&self.host));
            self.tasks.spawn(async move {
                if !host.leave(Box::pin(defer(&bot, &promise))).await {
                    bot.interactions.settle(promise.id, First::Missed);
                }
            });
        }
        if std::mem::take(&mut self.places_changed) {
            let places = json!(self.world.kept).to_string();
            self.keep(PLACES, &places).await;
        }
        true
    }

    /// What was promised is still deferred.
    pub(super) async fn leave(&mut self) {
        while self.tasks.join_next().await.is_some() {}
    }
}
