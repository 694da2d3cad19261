//! Talking to the daemon from a terminal: `ask`, `chat`, `ticket list`, `knowledge feedback`.

use std::collections::BTreeSet;
use std::process::ExitCode;

use anyhow::bail;
use chrono::DateTime;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use townkeeper_client::{Client, ClientError, Events};
use townkeeper_contract::api::{ChatBody, TicketState};
use townkeeper_contract::id::{ActionId, ConversationId};
use townkeeper_contract::stream::{Channel, Envelope, Event, Offer, Outcome, Reply, ReplyKind, ResumePoint};

use crate::cli::{Daemon, Place};
use crate::{api, out};

/// How often a broken stream is taken up again.
const RESUMES: u32 = 5;

/// What a turn left behind.
#[derive(Default)]
struct Heard {
    conversation: Option<ConversationId>,
    offers: Vec<Offer>,
    failed: bool,
    abstained: bool,
    screen: Screen,
}

/// What of the turn stands on the screen.
#[derive(Default)]
struct Screen {
    /// The attempt whose words these are.
    attempt: u32,
    /// The parts of which something was shown.
    parts: BTreeSet<u32>,
    /// Whether the last line is not finished.
    mid_line: bool,
}

impl Screen {
    /// A new attempt says everything anew, and must not run on from half an old answer.
    fn attempt(&mut self, attempt: u32) {
        if attempt > self.attempt {
            self.fresh_line();
            self.parts.clear();
            self.attempt = attempt;
        }
    }

    fn words(&mut self, part: u32, text: &str) {
        if !text.is_empty() {
            if self.parts.insert(part) {
                self.fresh_line();
            }
            self.mid_line = !text.ends_with('\n');
            out::part(&out::words(text));
        }
    }

    fn fresh_line(&mut self) {
        if std::mem::take(&mut self.mid_line) {
            out::part("\n");
        }
    }
}

/// `townkeeper ask`: exit code 0 answered, 2 not known, 1 failed.
pub(crate) async fn ask(place: &Place, daemon: &Daemon, question: &str) -> anyhow::Result<ExitCode> {
    let client = api::client(place, daemon)?;
    let body = ChatBody { text: Some(question.to_owned()), action: None, conversation: None, key: None };
    let heard = turn(&client, &body, daemon.json).await?;
    Ok(match heard {
        Heard { failed: true, .. } => ExitCode::FAILURE,
        Heard { abstained: true, .. } => ExitCode::from(2),
        _ => ExitCode::SUCCESS,
    })
}

/// `townkeeper chat`: line by line, until the end of input.
pub(crate) async fn chat(place: &Place, daemon: &Daemon) -> anyhow::Result<ExitCode> {
    let client = api::client(place, daemon)?;
    client.ready().await?;
    out::hint("Ask anything; a number presses a button; Ctrl-D ends.");
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    let (mut conversation, mut offers): (Option<ConversationId>, Vec<Offer>) = (None, Vec::new());
    loop {
        out::part("\n> ");
        let Some(line) = lines.next_line().await? else { break };
        let line = line.trim().to_owned();
        if line.is_empty() {
            continue;
        }
        let pressed = line.parse::<usize>().ok().and_then(|n| offers.get(n.wrapping_sub(1)));
        let action: Option<ActionId> = pressed.map(|offer| offer.action.clone());
        let text = action.is_none().then_some(line);
        let body = ChatBody { text, action, conversation: conversation.clone(), key: None };
        match turn(&client, &body, daemon.json).await {
            Ok(heard) => (conversation, offers) = (heard.conversation, heard.offers),
            Err(error) => out::error(&error),
        }
    }
    out::line("");
    Ok(ExitCode::SUCCESS)
}

/// `townkeeper ticket list`.
pub(crate) async fn tickets(place: &Place, daemon: &Daemon) -> anyhow::Result<ExitCode> {
    let list = api::client(place, daemon)?.tickets().await?;
    if daemon.json {
        out::json(&list)?;
        return Ok(ExitCode::SUCCESS);
    }
    if list.tickets.is_empty() {
        out::line("No tickets.");
    }
    for ticket in list.tickets {
        let state = if ticket.state == TicketState::Open { "open" } else { "closed" };
        let opened = DateTime::from_timestamp_millis(ticket.opened_ms).unwrap_or_default().format("%Y-%m-%d %H:%M");
        let question = out::words(&ticket.question).replace('\n', " ");
        out::line(format!("#{:<5} {state:<7} {opened} UTC  {:<9} {question}", ticket.number, ticket.platform));
    }
    Ok(ExitCode::SUCCESS)
}

/// `townkeeper knowledge feedback`.
pub(crate) async fn feedback(place: &Place, daemon: &Daemon) -> anyhow::Result<ExitCode> {
    let list = api::client(place, daemon)?.feedback().await?;
    if daemon.json {
        out::json(&list)?;
        return Ok(ExitCode::SUCCESS);
    }
    if list.entries.is_empty() {
        out::line("Nobody has said anything yet.");
    }
    for count in list.entries {
        let entry = count.entry.map_or_else(|| "(a model, of no entry)".to_owned(), |entry| entry.0);
        let (helped, not_quite, tickets) = (count.helped, count.not_quite, count.tickets);
        let short = count.at_most_percent.filter(|_| count.below_target);
        let short = short.map(|percent| format!("   BELOW TARGET: at most {percent} % right")).unwrap_or_default();
        out::line(format!(
            "{entry:<32} {:<13} helped {helped:>5}   not quite {not_quite:>5}   tickets {tickets:>5}{short}",
            count.revision
        ));
    }
    Ok(ExitCode::SUCCESS)
}

/// Says something and shows what comes of it; a stream that breaks is taken up where it was.
async fn turn(client: &Client, body: &ChatBody, json: bool) -> anyhow::Result<Heard> {
    let mut events = client.chat(body).await?;
    let mut heard = Heard::default();
    let mut last: Option<ResumePoint> = None;
    for _ in 0..=RESUMES {
        if listen(&mut events, json, &mut heard, &mut last).await? {
            return Ok(heard);
        }
        let Some(point) = &last else { break };
        match client.resume(point).await {
            Ok(Some(more)) => events = more,
            Ok(None) => return Ok(heard),
            Err(ClientError::NoDaemon { .. } | ClientError::Broken(_)) => {
                tokio::time::sleep(std::time::Duration::from_secs(1)).await;
            }
            Err(error) => return Err(error.into()),
        }
    }
    bail!("the answer broke off; the daemon has it, ask again")
}

/// Reads to the end of the stream. `true`: the turn has ended.
async fn listen(
    events: &mut Events,
    json: bool,
    heard: &mut Heard,
    last: &mut Option<ResumePoint>,
) -> anyhow::Result<bool> {
    while let Some(event) = events.next().await {
        let envelope = match event {
            Err(ClientError::Broken(_)) => return Ok(false),
            other => other?,
        };
        *last = ResumePoint::parse(&envelope.resume_id());
        if json {
            out::json(&envelope)?;
        }
        if show(envelope, json, heard) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Shows one event. `true`: it was the last.
fn show(envelope: Envelope, json: bool, heard: &mut Heard) -> bool {
    let screen = &mut heard.screen;
    screen.attempt(envelope.attempt);
    match envelope.event {
        Event::TurnStarted { conversation } => heard.conversation = Some(conversation),
        Event::StreamChunk { part, channel: Channel::Text, delta } if !json => screen.words(part, &delta),
        Event::PartEnded { part, complete: false } if !json && screen.parts.contains(&part) => {
            screen.fresh_line();
            out::line("(broke off)");
        }
        // It replaces what is shown; on a screen that can only mean to say it again.
        Event::Snapshot { parts, .. } if !json => {
            for part in parts.iter().filter(|part| part.channel == Channel::Text) {
                screen.fresh_line();
                screen.words(part.part, &part.text);
            }
        }
        Event::TurnEnded { outcome, reply } => {
            screen.fresh_line();
            heard.failed = matches!(outcome, Outcome::Failed { .. });
            if let Some(reply) = reply {
                heard.abstained = reply.kind == ReplyKind::Abstention;
                if !json {
                    foot(&reply, screen);
                }
                heard.offers = reply.offers;
            }
            return true;
        }
        _ => {}
    }
    false
}

/// What stands below an answer: its source, and what may be pressed.
fn foot(reply: &Reply, screen: &mut Screen) {
    if screen.parts.is_empty() {
        screen.words(0, &reply.body.to_plain());
    }
    screen.fresh_line();
    if let Some(citation) = &reply.citation {
        let (url, as_of, revision) = (&citation.url, &citation.as_of, citation.short_revision());
        out::line(format!("\nSource: {url} · as of {as_of} · rev {revision}"));
    }
    for (at, offer) in reply.offers.iter().enumerate() {
        out::line(format!("\n[{}] {}", at + 1, offer.label));
    }
}
