//! Delivering what the ledger holds: rows born `sending` at once, waiting ones when they are due.

use std::sync::Arc;
use std::time::Duration;

use townkeeper_store::{Ack, OutboxRow, StoreError, Verdict, fault};

use crate::{House, moderate};

/// How often waiting rows are looked for, besides when something just ended.
const POLL: Duration = Duration::from_millis(250);

/// How long a row waits that this node dared not send.
const RETRY_MS: i64 = 1_000;

/// How many rows are claimed at a time.
const CLAIM: u32 = 64;

/// Claims what is due until the daemon drains. What is left then waits in the store for the next start.
pub(crate) async fn run(house: Arc<House>) {
    loop {
        tokio::select! {
            () = house.draining.cancelled() => return,
            () = house.outbox_kick.notified() => {}
            () = house.store.changed() => {}
            () = tokio::time::sleep(POLL) => {}
        }
        if let Err(error) = claim_due(&house).await {
            tracing::warn!(%error, "the outbox could not be read; trying again");
        }
    }
}

async fn claim_due(house: &Arc<House>) -> Result<(), StoreError> {
    // Rows stay `ready`, and leave after the thaw unless they have expired by then.
    if house.door.freeze().is_frozen() {
        return Ok(());
    }
    let now_ms = house.clock.now_ms();
    if !house.store.has_due(&house.workspace, now_ms).await? {
        return Ok(());
    }
    let claimed =
        house.store.claim_keyed(&house.workspace, &house.node.id, now_ms, CLAIM, house.door.key_windows()).await?;
    if claimed.expired > 0 {
        metrics::counter!("townkeeper_deliveries_total", "account" => "any", "class" => "expired")
            .increment(claimed.expired);
        tracing::warn!(messages = claimed.expired, "replies came too late to be of use and were not sent");
    }
    for row in claimed.rows {
        send(house, row);
    }
    Ok(())
}

/// Delivers a row beside everything else.
pub(crate) fn send(house: &Arc<House>, row: OutboxRow) {
    let house = Arc::clone(house);
    house.tasks.clone().spawn(async move { deliver(&house, row).await });
}

async fn deliver(house: &House, row: OutboxRow) {
    fault!("outbox.claimed");
    let verdict = attempt(house, &row).await;
    fault!("outbox.sent_before_record");
    conclude(house, &row, verdict).await;
}

/// Does what the row says, once.
pub(crate) async fn attempt(house: &House, row: &OutboxRow) -> Verdict {
    if house.node.is_trusted() {
        return match moderate::look_again(house, row).await {
            Ok(row) => house.door.deliver(&row, &house.clock).await,
            Err(verdict) => verdict,
        };
    }
    // Others may have given this node up, and its rows with it. Certainly not sent by us.
    let next_ms = house.clock.now_ms() + RETRY_MS;
    Verdict::Again { next_ms, class: "pre_send", detail: "this node was not sure to be alive".to_owned() }
}

/// Records what came of it. `false`: nobody could, or the row was not ours any more.
pub(crate) async fn conclude(house: &House, row: &OutboxRow, verdict: Verdict) -> bool {
    report(row, &verdict);
    let freed = !matches!(verdict, Verdict::Again { .. });
    let ack = Ack {
        workspace: house.workspace.clone(),
        id: row.id.clone(),
        attempt: row.attempt,
        verdict,
        now_ms: house.clock.now_ms(),
    };
    let recorded = record(house, ack).await;
    match &recorded {
        Ok(true) if freed => house.outbox_kick.notify_one(),
        Ok(true) => {}
        Ok(false) => tracing::warn!(row = row.id, "a delivery ended after its row had been given up"),
        // The row stays `sending`; the next start puts it in doubt.
        Err(error) => tracing::error!(%error, row = row.id, "a delivery could not be recorded"),
    }
    matches!(recorded, Ok(true))
}

/// Records a verdict; a store that is busy or full is asked again for as long as the daemon runs.
async fn record(house: &House, ack: Ack) -> Result<bool, StoreError> {
    loop {
        match house.store.ack(ack.clone()).await {
            Err(error) if error.may_pass() && !house.abandon.is_cancelled() => {
                tokio::time::sleep(POLL).await;
            }
            other => return other,
        }
    }
}

fn report(row: &OutboxRow, verdict: &Verdict) {
    let (class, detail) = match verdict {
        Verdict::Sent { .. } => ("sent", None),
        Verdict::Again { class, detail, .. } => (*class, Some(detail)),
        Verdict::Moved { .. } => ("moved", None),
        Verdict::Anew { detail, .. } => ("anew", Some(detail)),
        Verdict::Withdrawn => ("withdrawn", None),
        Verdict::Refused { detail } => ("refused", Some(detail)),
        Verdict::Unknown { detail } => ("unknown", Some(detail)),
    };
    metrics::counter!("townkeeper_deliveries_total", "account" => row.account.clone(), "class" => class).increment(1);
    if let Some(detail) = detail.filter(|_| !matches!(class, "pre_send" | "frozen")) {
        tracing::warn!(row = row.id, account = row.account, class, detail, "a delivery did not succeed");
    }
}
