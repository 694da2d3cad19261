//! People at the web chat, for as long as the house stands: they ask, press, ask twice, hang up; and when the daemon
//! dies below them they come back with the same key or the last event's id.

use std::collections::BTreeSet;
use std::time::Duration;

use fastrand::Rng;
use tokio::sync::watch;
use townkeeper_client::{Client, ClientError, Events};
use townkeeper_contract::api::ChatBody;
use townkeeper_contract::id::{ActionId, ConversationId};
use townkeeper_contract::stream::{Envelope, Event, ReplyKind, ResumePoint};
use townkeeper_contract::verify::Verifier;

use super::check::{Asked, Heard};
use super::words;

/// One life of the daemon, as its visitors know it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Life {
    /// Counts from 1; 0 is the time before the first.
    pub(crate) number: u32,
    pub(crate) client: Option<Client>,
    /// Nobody begins anything new.
    pub(crate) closing: bool,
}

/// What all visitors together have seen: kill moments are counted in it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Seen {
    pub(crate) responses: usize,
    pub(crate) events: usize,
    pub(crate) turns: usize,
    /// Readings that went on behind the last event of an earlier life.
    pub(crate) resumed: usize,
}

/// One visitor.
pub(crate) struct Visitor {
    pub(crate) rng: Rng,
    pub(crate) lives: watch::Receiver<Life>,
    pub(crate) seen: watch::Sender<Seen>,
}

/// How somebody asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Manner {
    Plain,
    /// Sends the same request twice at once.
    Twice,
    /// Hangs up before the response begins, and comes back with the same key.
    HangsUp,
}

/// A request, and how far its reader is.
struct Request {
    body: ChatBody,
    manner: Manner,
    asked: Asked,
    verifier: Verifier,
    /// The last envelope of the reading that goes on.
    last: Option<ResumePoint>,
    ended: bool,
    /// Told to come again: this daemon is busy, or ends.
    again: bool,
}

impl Visitor {
    /// Asks until the house closes; returns every request with what came of it.
    pub(crate) async fn visit(mut self) -> Vec<Asked> {
        let mut all = Vec::new();
        let mut conversation = self.conversation();
        let mut offer: Option<ActionId> = None;
        while !self.next_life(0).await.closing {
            let body = if let Some(action) = offer.take().filter(|_| self.rng.u8(..) < 180) {
                ChatBody { text: None, action: Some(action), ..self.body(&conversation, String::new()) }
            } else {
                // Some go on where they are, most begin anew.
                if self.rng.u8(..) < 180 {
                    conversation = self.conversation();
                }
                let text = words::question(&mut self.rng);
                self.body(&conversation, text)
            };
            let (asked, offered) = self.ask(body, &conversation).await;
            // A button may be pressed again: no second ticket may come of it.
            offer = offered;
            all.push(asked);
        }
        all
    }

    fn conversation(&mut self) -> ConversationId {
        ConversationId::new(std::iter::repeat_with(|| self.rng.digit(10)).take(26).collect::<String>())
    }

    fn body(&mut self, conversation: &ConversationId, text: String) -> ChatBody {
        let key = std::iter::repeat_with(|| self.rng.alphanumeric()).take(16).collect();
        ChatBody { text: Some(text), action: None, conversation: Some(conversation.clone()), key: Some(key) }
    }

    /// Waits for a life later than `number` in which there is somebody to talk to.
    async fn next_life(&mut self, number: u32) -> Life {
        let ready = |life: &Life| life.number > number && life.client.is_some();
        self.lives.wait_for(ready).await.expect("the house outlives its visitors").clone()
    }

    /// Makes one request until its terminal is heard, over as many lives as that takes.
    async fn ask(&mut self, body: ChatBody, conversation: &ConversationId) -> (Asked, Option<ActionId>) {
        let key = body.key.clone().unwrap_or_default();
        let asked = Asked { event: format!("{conversation}:{key}"), ..Asked::default() };
        let manner = match self.rng.u8(..) {
            0..=29 => Manner::Twice,
            30..=59 => Manner::HangsUp,
            _ => Manner::Plain,
        };
        let pressed = body.action.clone();
        let mut request =
            Request { body, manner, asked, verifier: Verifier::new(), last: None, ended: false, again: false };
        let mut number = 0;
        while !request.ended && request.asked.trouble.is_empty() {
            let life = self.next_life(number).await;
            number = life.number;
            let Some(client) = life.client else { continue };
            self.talk(&client, &mut request).await;
            if std::mem::take(&mut request.again) {
                number -= 1;
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
        let reply = request.asked.ends.last().and_then(|heard| heard.end.reply.as_ref());
        let offered = reply.and_then(|reply| self.rng.choice(&reply.offers)).map(|offer| offer.action.clone());
        let again = pressed.filter(|_| self.rng.bool());
        (request.asked, offered.or(again))
    }

    /// Talks to one daemon until the terminal, or until that daemon is gone.
    async fn talk(&mut self, client: &Client, request: &mut Request) {
        let manner = std::mem::replace(&mut request.manner, Manner::Plain);
        if manner == Manner::HangsUp {
            self.hang_up(client, &request.body).await;
        }
        if manner == Manner::Twice {
            let (first, second) = tokio::join!(client.chat(&request.body), client.chat(&request.body));
            self.begin(request, first).await;
            let mut other = Request::reader_of(request);
            self.begin(&mut other, second).await;
            request.merge(other);
            return;
        }
        let Some(point) = request.last.clone().filter(|_| self.rng.bool()) else {
            let response = client.chat(&request.body).await;
            return self.begin(request, response).await;
        };
        match client.resume(&point).await {
            Ok(Some(events)) => {
                self.seen.send_modify(|seen| seen.resumed += 1);
                self.read(request, events).await;
            }
            Ok(None) => request.asked.trouble.push(format!("nothing more behind {point:?}, and no terminal")),
            Err(error) => request.refused(&error),
        }
    }

    /// Sends the request and leaves, at some moment before or after it was accepted.
    async fn hang_up(&mut self, client: &Client, body: &ChatBody) {
        let patience = Duration::from_micros(self.rng.u64(100..4_000));
        // The response, if it came first, is dropped unread; nothing is known of it, so nothing is noted.
        tokio::time::timeout(patience, client.chat(body)).await.map(drop).ok();
    }

    /// A response from the beginning of the turn.
    async fn begin(&mut self, request: &mut Request, response: Result<Events, ClientError>) {
        match response {
            Ok(events) => {
                request.asked.begun = true;
                request.verifier = Verifier::new();
                request.last = None;
                self.seen.send_modify(|seen| seen.responses += 1);
                self.read(request, events).await;
            }
            Err(error) => request.refused(&error),
        }
    }

    /// Reads on until the terminal, or until the connection breaks.
    async fn read(&mut self, request: &mut Request, mut events: Events) {
        loop {
            match events.next().await {
                Some(Ok(envelope)) => {
                    self.seen.send_modify(|seen| {
                        seen.events += 1;
                        seen.turns += usize::from(matches!(envelope.event, Event::TurnEnded { .. }));
                    });
                    request.hear(&envelope);
                }
                Some(Err(error)) => return request.refused(&error),
                None => return,
            }
        }
    }
}

impl Request {
    /// A second reader of the same request.
    fn reader_of(request: &Self) -> Self {
        Self {
            body: request.body.clone(),
            manner: Manner::Plain,
            asked: Asked::default(),
            verifier: Verifier::new(),
            last: None,
            ended: false,
            again: false,
        }
    }

    /// What the second reader heard is known too; the first one's place is kept.
    fn merge(&mut self, other: Self) {
        self.asked.begun |= other.asked.begun;
        self.asked.turns.extend(other.asked.turns);
        self.asked.ends.extend(other.asked.ends);
        self.asked.trouble.extend(other.asked.trouble);
        self.again |= other.again;
    }

    fn hear(&mut self, envelope: &Envelope) {
        if let Err(violation) = self.verifier.check(envelope) {
            self.asked.trouble.push(format!("{violation} in {envelope:?}"));
        }
        self.asked.turns.insert(envelope.turn.0.clone());
        let (turn, attempt, seq) = (envelope.turn.clone(), envelope.attempt, envelope.seq);
        if let Event::TurnEnded { outcome, reply } = &envelope.event {
            self.ended = true;
            let reply = reply.as_deref().cloned();
            self.asked.ends.push(Heard::new(&turn.0, attempt, seq, outcome.clone(), reply));
        }
        self.last = Some(ResumePoint { turn, attempt, seq });
    }

    /// A daemon that is gone, or about to go, is no trouble: there will be another one. Everything else is.
    fn refused(&mut self, error: &ClientError) {
        match error {
            ClientError::NoDaemon { .. } | ClientError::Broken(_) => {}
            ClientError::Refused { status: 503, .. } => self.again = true,
            other => self.asked.trouble.push(format!("{other:?} after {:?}", self.last)),
        }
    }
}

/// Asks again for what was answered, under the same key: the same turn and the same end must come.
pub(crate) async fn ask_again(client: &Client, bodies: &mut [Asked]) {
    for asked in bodies {
        let Some((conversation, key)) = asked.event.split_once(':') else { continue };
        let body = ChatBody {
            text: Some("the same key is the same turn, whatever it says".to_owned()),
            action: None,
            conversation: Some(ConversationId::from(conversation)),
            key: Some(key.to_owned()),
        };
        let mut request = Request {
            body,
            manner: Manner::Plain,
            asked: asked.clone(),
            verifier: Verifier::new(),
            last: None,
            ended: false,
            again: false,
        };
        match client.chat(&request.body).await {
            Ok(mut events) => {
                while let Some(Ok(envelope)) = events.next().await {
                    request.hear(&envelope);
                }
            }
            Err(error) => request.asked.trouble.push(format!("asked again: {error:?}")),
        }
        if !request.ended {
            request.asked.trouble.push("asked again, it did not end".to_owned());
        }
        *asked = request.asked;
    }
}

/// The kinds of replies that were heard: a load that lacks one proves nothing about it.
pub(crate) fn kinds(asked: &[Asked]) -> BTreeSet<&'static str> {
    let replies = asked.iter().flat_map(|asked| &asked.ends).filter_map(|heard| heard.end.reply.as_ref());
    let kind = |kind| match kind {
        ReplyKind::Canonical => "canonical",
        ReplyKind::Model => "model",
        ReplyKind::Abstention => "abstention",
        ReplyKind::Notice => "notice",
    };
    replies.map(|reply| kind(reply.kind)).collect()
}
