//! The daemon as an adapter sees it, and the tasks that receive.

use std::panic::AssertUnwindSafe;
use std::sync::{Arc, PoisonError};

use futures_util::FutureExt as _;
use townkeeper_contract::command::CommandSpec;
use townkeeper_contract::id::AccountId;
use townkeeper_contract::inbound::Inbound;
use townkeeper_contract::platform::{Cursor, Host, HostError};
use townkeeper_contract::{BoxFuture, Stop};

use townkeeper_core::commands;
use townkeeper_store::{AdapterState, guard};

use crate::door::Adapter;
use crate::measure::First;
use crate::{EngineError, House, accept, measure, node};

struct Seat {
    house: Arc<House>,
    account: AccountId,
}

impl Seat {
    /// What sealed values are bound to.
    fn drawer(&self, name: &str) -> String {
        format!("{}\0{}\0{name}", self.house.workspace, self.account)
    }
}

impl Host for Seat {
    fn accept(&self, batch: Vec<Inbound>, cursor: Option<Cursor>) -> BoxFuture<'_, Result<(), HostError>> {
        Box::pin(async move {
            match accept::accept(&self.house, &self.account, batch, cursor, None).await {
                Ok(_) => Ok(()),
                Err(EngineError::Stopping | EngineError::Elsewhere) => Err(HostError::Stopping),
                Err(error) => Err(HostError::Store(error.to_string())),
            }
        })
    }

    fn cursor(&self, scope: &str) -> BoxFuture<'_, Result<Option<String>, HostError>> {
        let scope = scope.to_owned();
        Box::pin(async move {
            let house = &self.house;
            // It knows its account and is about to receive.
            measure::reach(house, First::Account);
            let read = house.store.cursor(&house.workspace, self.account.as_str(), &scope).await;
            read.map_err(|error| HostError::Store(error.to_string()))
        })
    }

    fn state_get<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Option<String>, HostError>> {
        Box::pin(async move {
            let house = &self.house;
            let read = house.store.adapter_state(&house.workspace, self.account.as_str(), name).await;
            let sealed = read.map_err(|error| HostError::Store(error.to_string()))?;
            // What another key sealed is as good as nothing: adapters begin anew.
            Ok(sealed.and_then(|sealed| house.vault.open_sealed(&self.drawer(name), &sealed)))
        })
    }

    fn state_put<'a>(&'a self, name: &'a str, value: &'a str) -> BoxFuture<'a, Result<(), HostError>> {
        Box::pin(async move {
            let failed = |error: EngineError| HostError::Store(error.to_string());
            let house = &self.house;
            let state = AdapterState {
                workspace: house.workspace.clone(),
                account: self.account.0.clone(),
                name: name.to_owned(),
                sealed: house.vault.seal(&self.drawer(name), value).map_err(failed)?,
                now_ms: house.clock.now_ms(),
            };
            house.store.keep_adapter_state(state).await.map_err(|error| failed(error.into()))
        })
    }

    fn suggest(&self, command: &str, typed: &str) -> Vec<String> {
        commands::suggest(&self.house.base(), command, typed)
    }

    fn commands(&self) -> &[CommandSpec] {
        &self.house.commands
    }

    fn leave<'a>(&'a self, request: BoxFuture<'a, ()>) -> BoxFuture<'a, bool> {
        Box::pin(async move {
            let Some(pass) = self.house.door.freeze().pass() else {
                if !guard!("freeze.leave") {
                    request.await;
                }
                return false;
            };
            tokio::select! {
                () = request => true,
                () = pass.cut() => false,
            }
        })
    }

    fn heeds(&self, event: &Inbound) -> bool {
        accept::concerns_us(&self.house, event)
    }

    fn start_link(&self, base: &str) {
        let mut links = self.house.start_links.lock().unwrap_or_else(PoisonError::into_inner);
        links.insert(self.account.clone(), base.to_owned());
    }

    fn trouble(&self, what: Option<&str>) {
        show_receiving(&self.account, what.is_none());
        let mut troubles = self.house.troubles.lock().unwrap_or_else(PoisonError::into_inner);
        match what {
            Some(what) => troubles.insert(self.account.clone(), what.to_owned()),
            None => troubles.remove(&self.account),
        };
    }
}

/// Shows on `/metrics` whether an account receives.
fn show_receiving(account: &AccountId, receiving: bool) {
    let receiving = if receiving { 1.0 } else { 0.0 };
    metrics::gauge!("townkeeper_account_receiving", "account" => account.0.clone()).set(receiving);
}

/// Starts receiving on every account. One that cannot go on says so in `/readyz` and the log; the others do.
pub(crate) fn run_platforms(house: &Arc<House>) {
    for (account, platform) in house.door.platforms() {
        show_receiving(account, true);
        let seat = Arc::new(Seat { house: Arc::clone(house), account: account.clone() });
        let platform = Arc::clone(platform);
        house.tasks.spawn(async move {
            if seat.house.node.alone {
                receive(&seat, platform, seat.house.draining.clone()).await;
            } else {
                receive_when_ours(&seat, &platform).await;
            }
        });
    }
}

/// Receives until told to stop. `false`: it ended for another reason, and is in trouble.
async fn receive(seat: &Arc<Seat>, platform: Adapter, stop: Stop) -> bool {
    let host = Arc::clone(seat);
    // A panic would otherwise end this task alone, and nobody would know that the account is deaf.
    let running = AssertUnwindSafe(async move { platform.run(host, stop).await });
    let trouble = match running.catch_unwind().await {
        Ok(Ok(())) => return true,
        Ok(Err(error)) => error.to_string(),
        Err(_) => "receiving panicked; the log says where".to_owned(),
    };
    tracing::error!(trouble, account = %seat.account, "this account receives nothing any more");
    seat.trouble(Some(&trouble));
    false
}

/// Receives whenever this node has the account, and lets go when it has not.
async fn receive_when_ours(seat: &Arc<Seat>, platform: &Adapter) {
    let (house, account) = (&seat.house, &seat.account);
    while !house.draining.is_cancelled() {
        if !matches!(node::take(house, account).await, Ok(true)) {
            tokio::select! {
                () = house.draining.cancelled() => {}
                () = tokio::time::sleep(house.node.sweep()) => {}
            }
            continue;
        }
        tracing::info!(%account, "this node receives on the account");
        let stop = house.draining.child_token();
        let mut running = Box::pin(receive(seat, Arc::clone(platform), stop.clone()));
        let well = tokio::select! {
            well = &mut running => well,
            () = node::hold(house, account) => {
                tracing::warn!(%account, "the account is another node's now");
                stop.cancel();
                running.await
            }
        };
        if house.draining.is_cancelled() {
            // Kept until this node's last turn has ended.
            return;
        }
        node::give_back(house, account).await;
        if !well {
            // Another node may fare better.
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::watch;
    use townkeeper_contract::Stop;
    use townkeeper_contract::id::{PersonId, PlaceId};
    use townkeeper_contract::inbound::ReplyTo;
    use townkeeper_contract::outbound::{Outbound, Receipt};
    use townkeeper_contract::platform::{
        DeliverError, Finding, Idempotency, Platform, PlatformError, PlatformFacts, RateFacts, Standing,
    };
    use townkeeper_contract::text::Measure;
    use townkeeper_core::Agent;
    use townkeeper_knowledge::{Base, parse};
    use townkeeper_store::Store;

    use super::*;
    use crate::clock::Clock;
    use crate::door::Door;
    use crate::{Engine, Parts};

    const ENTRY: &str = "---\nid: owl\ntitle: What is an owl?\nclass: routine\nowner: team\nreviewed_by: team\n\
        reviewed_at: 2026-11-16\nreview_by: 2029-12-31\nstatus: published\n\
        canonical_url: https://lumen.example.org/owl\nvariants:\n  - tell me of the owl\n  - describe the owl\n  \
        - the owl please\n---\nAn owl is an owl.\n";

    /// Tells of trouble, waits, says that all is well, waits, and then breaks.
    struct Frail {
        account: AccountId,
        step: watch::Receiver<u32>,
    }

    impl Platform for Frail {
        fn account(&self) -> &AccountId {
            &self.account
        }

        fn facts(&self) -> PlatformFacts {
            PlatformFacts {
                name: "frail".into(),
                max_len: 100,
                measure: Measure::Bytes,
                edits: false,
                drafts: false,
                buttons: false,
                threads: false,
                moderation: false,
                idempotency: Idempotency::None,
                rate: RateFacts { per_second: 1, per_group_minute: 0, per_chat_ms: 0 },
                live: None,
                typing_ms: 0,
                promises: false,
            }
        }

        fn run(self: Arc<Self>, host: Arc<dyn Host>, _: Stop) -> BoxFuture<'static, Result<(), PlatformError>> {
            let mut step = self.step.clone();
            Box::pin(async move {
                host.trouble(Some("the line is dead"));
                step.wait_for(|step| *step >= 1).await.unwrap();
                host.trouble(None);
                step.wait_for(|step| *step >= 2).await.unwrap();
                panic!("a bug in an adapter")
            })
        }

        fn deliver<'a>(&'a self, _: &'a Outbound) -> BoxFuture<'a, Result<Receipt, DeliverError>> {
            Box::pin(async { Ok(Receipt::default()) })
        }

        fn standing<'a>(
            &'a self,
            _: &'a ReplyTo,
            _: Option<&'a PersonId>,
        ) -> BoxFuture<'a, Result<Standing, DeliverError>> {
            Box::pin(async { Ok(Standing::default()) })
        }

        fn whole(&self, _: &ReplyTo) -> Option<PlaceId> {
            None
        }

        fn aside(&self, _: &ReplyTo) -> Option<ReplyTo> {
            None
        }

        fn examine(&self) -> BoxFuture<'_, Vec<Finding>> {
            Box::pin(async { Vec::new() })
        }
    }

    /// Waits until the account's trouble is this.
    async fn trouble_is(engine: &Engine, wanted: impl Fn(Option<&str>) -> bool) {
        let waiting = async {
            loop {
                let health = engine.platforms().remove(0);
                if wanted(health.trouble.as_deref()) && health.receiving == health.trouble.is_none() {
                    return;
                }
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(std::time::Duration::from_secs(25), waiting).await.unwrap();
    }

    #[tokio::test]
    async fn trouble_shows_while_it_lasts_and_a_panic_for_good() {
        let folder = tempfile::tempdir().unwrap();
        let (steps, step) = watch::channel(0);
        let mut door = Door::default();
        door.add(Arc::new(Frail { account: AccountId::from("frail:main"), step }));
        let engine = Engine::start(Parts {
            workspace: "main".to_owned(),
            store: Store::open(folder.path()).await.unwrap(),
            meanings: None,
            base: Arc::new(Base::build(vec![("owl.md".to_owned(), parse("owl.md", ENTRY).unwrap())]).unwrap()),
            revision: 0,
            cooling: std::time::Duration::ZERO,
            guarding: crate::Guarding::default(),
            agent: Agent::default(),
            providers: Vec::new(),
            door,
            clock: Clock::system(),
            vault: crate::vault::Vault::with(&[1; 32]),
            lease: crate::LEASE,
        });
        let engine = engine.await.unwrap();
        trouble_is(&engine, |trouble| trouble == Some("the line is dead")).await;
        steps.send_replace(1);
        trouble_is(&engine, |trouble| trouble.is_none()).await;
        steps.send_replace(2);
        trouble_is(&engine, |trouble| trouble.is_some_and(|words| words.contains("panicked"))).await;
    }
}
