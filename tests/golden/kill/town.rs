//! One home that outlives its daemons, with everybody who talks to them: the rounds, and the reckoning at the end.

use std::collections::BTreeSet;
use std::process::Stdio;
use std::time::Duration;

use fastrand::Rng;
use tokio::sync::watch;
use tokio::task::JoinSet;
use townkeeper_contract::moderation::{DeliveryList, DeliveryState};
use townkeeper_contract::outbound::Act;
use townkeeper_fakes::discord::DiscordServer;
use townkeeper_fakes::model::ModelServer;
use townkeeper_fakes::telegram::TelegramServer;
use townkeeper_store::{Ledger, LedgerSend, Store};

use super::check::{self, Asked, Breach, DISCORD, Pushed, Stored, TELEGRAM, Tally, Truth};
use super::people::{self, People};
use super::plan::{Moment, Provoke, Round, Square};
use super::visitors::{self, Life, Seen, Visitor};
use super::{guild, words};
use crate::daemon::{Daemon, Home, PATIENCE, WORKSPACE};

/// The bot's token at the fake.
pub(crate) const TOKEN: &str = "7000000001:made-up-for-the-loopback-fake";

/// A kill moment that does not come (nobody happens to ask a model) is given up after this; the kill is not.
pub(crate) const LULL: Duration = Duration::from_millis(1_500);

/// How often a clean daemon may start to send what the last one left.
const LAST_LIVES: u32 = 10;

/// What had happened at some time, in the numbers that moments are counted in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mark {
    seen: Seen,
    asked: usize,
    sends: usize,
}

/// The platforms of a town, besides the web.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Squares {
    None,
    Telegram,
    Both,
}

/// A home under load.
pub(crate) struct Town {
    name: &'static str,
    seed: u64,
    pub(crate) rng: Rng,
    pub(crate) home: Home,
    pub(crate) model: ModelServer,
    pub(crate) telegram: Option<TelegramServer>,
    pub(crate) discord: Option<DiscordServer>,
    pub(crate) people: People,
    visitors: JoinSet<Vec<Asked>>,
    lives: watch::Sender<Life>,
    seen: watch::Sender<Seen>,
    pub(crate) kills: u32,
    /// The PostgreSQL that its daemons share; without, each home has its own SQLite.
    pub(crate) url: Option<String>,
}

impl Town {
    /// A town with this many web visitors, and with these platforms.
    pub(crate) async fn open(name: &'static str, seed: u64, visitors: u32, squares: Squares) -> Self {
        println!("{name}: TOWNKEEPER_SEED={seed}");
        let mut rng = Rng::with_seed(seed);
        let model = ModelServer::start(words::tales()).await;
        let mut home = Home::new().with_model(&model.base_url()).with("[log]\nlevel = \"error\"\n");
        let (mut telegram, mut discord) = (None, None);
        if squares != Squares::None {
            let server = TelegramServer::start(TOKEN).await;
            home = home.with_telegram(server.base_url(), TOKEN);
            telegram = Some(server);
        }
        if squares == Squares::Both {
            let (server, with) = guild::open(home).await;
            (discord, home) = (Some(server), with);
        }
        let people = People::new(rng.fork());
        let mut town = Self {
            name,
            seed,
            home,
            model,
            telegram,
            discord,
            people,
            visitors: JoinSet::new(),
            lives: watch::Sender::default(),
            seen: watch::Sender::default(),
            kills: 0,
            url: None,
            rng,
        };
        town.log_in().await;
        for _ in 0..visitors {
            let visitor = Visitor { rng: town.rng.fork(), lives: town.lives.subscribe(), seen: town.seen.clone() };
            town.visitors.spawn(visitor.visit());
        }
        town
    }

    /// Discord keeps what a bot misses for a session that it knows: there is one before the first kill.
    async fn log_in(&mut self) {
        let Some(discord) = &self.discord else { return };
        let daemon = Daemon::start(&self.home).await;
        let connected = discord.wait(|state| state.connected() == 1);
        tokio::time::timeout(PATIENCE, connected).await.expect("no log-in");
        self.people.ask_in_private(discord, "what is the gas fee");
        let answered = discord.wait(|state| guild::answers(state) == 1);
        tokio::time::timeout(PATIENCE, answered).await.expect("no answer");
        end(daemon).await;
    }

    /// One life, ended by `kill -9`.
    pub(crate) async fn random_round(&mut self) {
        let round = Round::draw(&mut self.rng, !self.visitors.is_empty(), self.telegram.is_some());
        if let Some(delay) = round.while_starting {
            self.kill_while_starting(delay).await;
        }
        self.write(round.before);
        let mark = self.mark();
        let daemon = Daemon::start(&self.home).await;
        self.enter(&daemon, false);
        self.write(round.during);
        tokio::time::timeout(LULL, self.reach(mark, round.moment)).await.ok();
        daemon.kill().await;
        self.kills += 1;
    }

    /// A start that is not waited for.
    pub(crate) async fn kill_while_starting(&mut self, delay: Duration) {
        let mut command = self.home.command(&["serve"]);
        let mut child = command.stdout(Stdio::null()).spawn().unwrap();
        tokio::time::sleep(delay).await;
        let died = child.try_wait().unwrap();
        assert!(died.is_none(), "the daemon could not start: {died:?}");
        child.kill().await.unwrap();
        self.kills += 1;
    }

    /// Tells the visitors where the daemon is now.
    pub(crate) fn enter(&self, daemon: &Daemon, closing: bool) {
        let client = Some(daemon.client());
        self.lives.send_modify(|life| *life = Life { number: life.number + 1, client, closing });
    }

    /// People write this often, wherever they are, and press what there is to press.
    pub(crate) fn write(&mut self, messages: u32) {
        for _ in 0..messages {
            match (&self.telegram, &self.discord) {
                (_, Some(discord)) if self.rng.bool() => self.people.write_on_discord(discord),
                (Some(telegram), _) => self.people.write(telegram),
                _ => {}
            }
        }
        for square in [Square::Telegram, Square::Discord] {
            self.press(square, false);
        }
    }

    /// The same in one place, and of the kind that a fault point wants.
    pub(crate) fn write_at(&mut self, square: Square, messages: u32, provoke: Provoke) {
        for _ in 0..messages {
            let tale = words::long_tale(&mut self.rng);
            match (square, &self.telegram, &self.discord) {
                (Square::Telegram, Some(telegram), _) if provoke == Provoke::Live => {
                    self.people.write_in_private(telegram, &tale);
                }
                (Square::Telegram, Some(telegram), _) => self.people.write(telegram),
                (Square::Discord, _, Some(discord)) if provoke == Provoke::Live => {
                    self.people.ask_in_private(discord, &tale);
                }
                (Square::Discord, _, Some(discord)) => self.people.write_on_discord(discord),
                _ => {}
            }
        }
        self.press(square, false);
    }

    pub(crate) fn press(&mut self, square: Square, eager: bool) {
        match (square, &self.telegram, &self.discord) {
            (Square::Telegram, Some(telegram), _) => self.people.press(telegram, eager),
            (Square::Discord, _, Some(discord)) => self.people.press_on_discord(discord, eager),
            _ => {}
        }
    }

    /// What has been counted up to now.
    pub(crate) fn mark(&self) -> Mark {
        let (telegram, discord) = self.sends();
        Mark { seen: *self.seen.borrow(), asked: self.model.requests().len(), sends: telegram + discord }
    }

    /// New messages of the bot that the platforms were asked for.
    fn sends(&self) -> (usize, usize) {
        let telegram = self.telegram.as_ref().map_or(0, |telegram| telegram.calls("sendMessage").len());
        (telegram, self.discord.as_ref().map_or(0, |discord| discord.look(guild::sends)))
    }

    /// Waits until there are this many on both together.
    async fn see_sends(&self, wanted: usize) {
        loop {
            let (telegram, discord) = self.sends();
            if telegram + discord >= wanted {
                return;
            }
            let on_telegram = async {
                match &self.telegram {
                    Some(server) => server.wait_calls("sendMessage", telegram + 1).await,
                    None => std::future::pending().await,
                }
            };
            let on_discord = async {
                match &self.discord {
                    Some(server) => server.wait(|state| guild::sends(state) > discord).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                _ = on_telegram => {}
                () = on_discord => {}
            }
        }
    }

    /// Waits for the moment, counted from `mark`.
    pub(crate) async fn reach(&self, mark: Mark, moment: Moment) {
        match moment {
            Moment::Responses(n) => self.see(|now| now.responses >= mark.seen.responses + n).await,
            Moment::Events(n) => self.see(|now| now.events >= mark.seen.events + n).await,
            Moment::Turns(n) => self.see(|now| now.turns >= mark.seen.turns + n).await,
            Moment::Asked(n) => self.model.arrived(mark.asked + n).await,
            Moment::Sends(n) => self.see_sends(mark.sends + n).await,
            Moment::After(delay) => tokio::time::sleep(delay).await,
        }
    }

    async fn see(&self, fact: impl FnMut(&Seen) -> bool) {
        self.seen.subscribe().wait_for(fact).await.map(drop).expect("the town holds the sender");
    }

    /// A clean life: everybody gets an answer, the platform's queue runs dry; then the ledgers are laid side by side.
    pub(crate) async fn close(mut self) -> Reckoning {
        let mut asked = self.last_words().await;
        let mut stored = self.open_store().await;
        for _ in 0..LAST_LIVES {
            let left = unfinished(&stored.ledger);
            if left == 0 {
                break;
            }
            // Counted before it starts: it begins to send at once.
            let sent = self.telegram.as_ref().map_or(0, |telegram| telegram.sent().len()) + waiting(&stored.ledger);
            let daemon = Daemon::start(&self.home).await;
            if let Some(telegram) = &self.telegram {
                tokio::time::timeout(PATIENCE, telegram.wait_sent(sent)).await.expect("what is left is not sent");
            }
            settled(&daemon, &self.home).await;
            end(daemon).await;
            stored = self.open_store().await;
        }
        if self.telegram.is_some() {
            stored.listed = Some(self.in_doubt().await);
        }
        asked.sort_by(|a, b| a.event.cmp(&b.event));
        let on_telegram = self.telegram.as_ref().map(people::shown).unwrap_or_default();
        let on_discord = self.discord.as_ref().map(guild::shown).unwrap_or_default();
        let truth = Truth {
            asked,
            pushed: std::mem::take(&mut self.people.pushed),
            confirmed: self.telegram.as_ref().map_or(i64::MAX, |telegram| telegram.confirmed()),
            shown: [on_telegram, on_discord].concat(),
        };
        let breaches = check::check(&truth, &stored);
        Reckoning {
            name: self.name,
            seed: self.seed,
            kills: self.kills,
            resumed: self.seen.borrow().resumed,
            truth,
            stored,
            breaches,
        }
    }

    /// The visitors' last life: all of them are answered, and some of them ask for what they know once more.
    async fn last_words(&mut self) -> Vec<Asked> {
        let daemon = Daemon::start(&self.home).await;
        self.enter(&daemon, true);
        let mut asked = Vec::new();
        while let Some(all) =
            tokio::time::timeout(PATIENCE, self.visitors.join_next()).await.expect("a visitor waits in vain")
        {
            asked.extend(all.unwrap());
        }
        let again = self.rng.usize(..20).min(asked.len());
        for at in (again..asked.len()).step_by(20) {
            visitors::ask_again(&daemon.client(), &mut asked[at..=at]).await;
        }
        let last = self.people.pushed.iter().filter_map(|pushed| pushed.update).max();
        if let (Some(telegram), Some(update)) = (&self.telegram, last) {
            let read = telegram.wait_confirmed(update);
            tokio::time::timeout(PATIENCE, read).await.expect("the platform's updates are not read");
        }
        if let Some(discord) = &self.discord {
            let wanted = |pushed: &&Pushed| pushed.addressed && pushed.account == DISCORD;
            let wanted = self.people.pushed.iter().filter(wanted).count();
            // Whoever is not answered is missed by the checker.
            tokio::time::timeout(PATIENCE, discord.wait(|state| guild::answers(state) >= wanted)).await.ok();
        }
        settled(&daemon, &self.home).await;
        end(daemon).await;
        asked
    }

    /// What the operator is told to be in doubt.
    async fn in_doubt(&self) -> BTreeSet<String> {
        let daemon = Daemon::start(&self.home).await;
        let told = self.home.run(&["outbox", "list", "--state", "unknown", "--json"]).await;
        assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
        let list: DeliveryList = serde_json::from_slice(&told.stdout).unwrap();
        end(daemon).await;
        list.deliveries.into_iter().map(|delivery| delivery.id).collect()
    }

    /// What the store says; nobody else may have it open.
    async fn open_store(&self) -> Stored {
        let store = match &self.url {
            Some(url) => Store::connect(url).await.unwrap(),
            None => Store::open(&self.home.data()).await.unwrap(),
        };
        let ledger = store.ledger(WORKSPACE).await.unwrap();
        let mut stored = Stored { ledger, ..Stored::default() };
        for event in &stored.ledger.events {
            if let Some(ended) = store.ended_turn(WORKSPACE, &event.turn).await.unwrap() {
                stored.ended.insert(event.turn.clone(), ended);
            }
        }
        store.close().await;
        stored
    }
}

/// SIGTERM, and its clean end.
async fn end(mut daemon: Daemon) {
    daemon.signal("TERM").await;
    let status = daemon.gone().await;
    assert!(status.success(), "the daemon did not end cleanly: {status}");
}

/// Waits until nothing is under way. What never leaves is missed by the checker.
async fn settled(daemon: &Daemon, home: &Home) {
    let operator = daemon.operator(home);
    let settled = async {
        for state in [DeliveryState::Ready, DeliveryState::Sending] {
            while !operator.outbox(state).await.unwrap().deliveries.is_empty() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    };
    tokio::time::timeout(PATIENCE, settled).await.ok();
}

/// What a clean daemon must still do.
fn unfinished(ledger: &Ledger) -> usize {
    let open = ledger.events.iter().filter(|event| event.open).count();
    let unsent = ledger.sends.iter().filter(|send| matches!(send.state.as_str(), "ready" | "sending")).count();
    open + unsent
}

/// How many messages the next life will send to Telegram: `sending` rows become `unknown` in it, and an answer whose first words
/// are there ends in their message.
fn waiting(ledger: &Ledger) -> usize {
    let begun = |turn: &str| ledger.sends.iter().any(|send| send.turn == turn && send.state == "sent");
    let open = ledger.events.iter().filter(|event| event.open && event.account == TELEGRAM && !begun(&event.turn));
    let on_telegram = |send: &LedgerSend| send.account == TELEGRAM && send.state == "ready";
    let ready = |send: &&LedgerSend| on_telegram(send) && matches!(send.act, Act::Message { .. });
    open.count() + ledger.sends.iter().filter(ready).count()
}

/// The end of a run.
pub(crate) struct Reckoning {
    name: &'static str,
    seed: u64,
    kills: u32,
    resumed: usize,
    pub(crate) truth: Truth,
    pub(crate) stored: Stored,
    pub(crate) breaches: Vec<Breach>,
}

impl Reckoning {
    /// One line of the table that `tests/kill.sh` prints; then every broken promise, if there is one.
    pub(crate) fn assert_kept(&self) {
        let Self { name, kills, resumed, .. } = self;
        let asked = self.truth.asked.len();
        let on = |account| self.truth.pushed.iter().filter(|pushed| pushed.account == account).count();
        let (telegram, discord) = (on(TELEGRAM), on(DISCORD));
        let Tally { accepted, lost, doubled, other, unknown, unknown_shown } =
            check::tally(&self.truth, &self.stored, &self.breaches);
        println!(
            "kills| {name} | {kills} | {asked} | {resumed} | {telegram} | {discord} | {accepted} | {lost} | {doubled} | {other} \
             | {unknown} | {unknown_shown} |"
        );
        let breaches: Vec<String> = self.breaches.iter().take(20).map(ToString::to_string).collect();
        let all = self.breaches.len();
        assert!(breaches.is_empty(), "TOWNKEEPER_SEED={}: {all} broken:\n{}", self.seed, breaches.join("\n"));
    }
}
