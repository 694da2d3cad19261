/* The chat page's behaviour: asks over `POST /v1/chat`, reads `townkeeper.stream/1` as it comes, takes a broken
   stream up again, and shows the reply. Builds the same elements as `templates/chat.html` and `reply.html`, with text
   nodes only. Without this file the page works by plain forms. */

const MAX_BYTES = 16 * 1024;      // `contract::api::MAX_TEXT`
const TRIES = 6;                  // in a row without a new event
const SILENCE_MS = 45_000;        // the server sends a comment every 15 s; this long without a byte is a dead line
const PATIENCE_MS = 400;          // how long nothing is said about waiting
const KEPT = 20;                  // exchanges shown again after a reload
const STORE = "townkeeper.chat";
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const BADGES = {
  canonical: ["check", "Published answer"],
  model: ["pen", "Written by AI, not a published answer"],
  abstention: ["ask", "No published answer for this yet"],
};

const [log, status, ask, question, send, stop, tooLong, restart, welcome] =
  ["log", "status", "ask", "question", "send", "stop", "too-long", "restart", "welcome"]
    .map((id) => document.getElementById(id));

/** The turn being answered; one at a time. */
let live = null;
/** What a reload needs: the conversation, the exchanges that ended, and the one that has not. */
let kept = { conversation: ask.elements.conversation.value || null, past: [], pending: null };

// elements

/** An element with a class and children; strings become text. */
function make(tag, className, ...children) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  element.append(...children);
  return element;
}

const icon = (shape) => Object.assign(make("span", `icon ${shape}`), { ariaHidden: "true" });

// The one form of address that becomes a link: https, plain ASCII, no user part, no backslash. Group 1 is the host.
const ADDRESS = /^https:\/\/([a-z0-9.-]+(?::\d{1,5})?)(?:[/?#][\x21-\x5b\x5d-\x7e]*)?$/i;
// What a reader would take for an address.
const LOOKS_LIKE_ONE = /:\/\/|[\p{L}\p{N}_-]\.\p{L}{2,}/u;

const bare = (url) => url.trim().replace(/^https:\/\//i, "").replace(/\/$/, "");

/** `label` leading to `url`. The host is always visible, and a label that names another address gives way to it. */
function anchor(url, label, styled = label) {
  const host = ADDRESS.exec(url)?.[1];
  if (!host) return document.createTextNode(label.includes(url) ? label : `${label} (${url})`);
  const link = make("a", "");
  link.href = url;
  link.rel = "noopener noreferrer nofollow";
  if (bare(label) === bare(url)) link.append(styled);
  else if (LOOKS_LIKE_ONE.test(label)) link.append(bare(url));
  else link.append(styled, make("span", "host", ` (${host})`));
  return link;
}

function words(run) {
  const style = run.style ?? {};
  let node = document.createTextNode(run.text);
  for (const [on, tag] of [[style.code, "code"], [style.strike, "s"], [style.italic, "em"], [style.bold, "strong"]]) {
    if (on) node = make(tag, "", node);
  }
  return run.link ? anchor(run.link, run.text, node) : node;
}

const TAGS = { paragraph: "p", heading: "h3", item: "li", quote: "blockquote", code: "pre" };

/** The blocks of a RichText. Neighbouring items share one list; depth is shown by indenting. */
function blocks(body) {
  const out = make("div", "words");
  let list = null;
  for (const block of body.blocks ?? []) {
    const element = make(TAGS[block.kind] ?? "p", "", ...block.runs.map(words));
    if (block.depth !== undefined) element.dataset.depth = block.depth;
    if (block.kind === "item") {
      if (block.ordinal === undefined) element.className = "bullet";
      else element.value = block.ordinal;
      if (!list) out.append(list = make("ol", ""));
    } else list = null;
    (list ?? out).append(element);
  }
  return out;
}

function citationLine(citation) {
  const [, year, month, day] = /^(\d{4})-(\d\d)-(\d\d)$/.exec(citation.as_of) ?? [];
  const date = MONTHS[month - 1] ? `${Number(day)} ${MONTHS[month - 1]} ${year}` : citation.as_of;
  return make("p", "citation", "Source: ", anchor(citation.url, citation.title), ` · as of ${date} · rev ${citation.revision.slice(0, 7)}`);
}

const badge = (kind, [shape, text] = BADGES[kind] ?? []) => text ? make("p", "badge", icon(shape), text) : "";

function answer(reply) {
  const box = make("div", `answer ${reply.kind}`, badge(reply.kind), blocks(reply.body));
  if (reply.citation) box.append(citationLine(reply.citation));
  if (reply.offers?.length) {
    const offers = make("form", "offers");
    offers.method = "post";
    for (const offer of reply.offers) {
      const button = make("button", "offer", offer.label);
      button.name = "action";
      button.value = offer.action;
      offers.append(button);
    }
    box.append(offers);
  }
  return box;
}

/** Our own words about a turn that did not come to its end; `again`, where given, is what the button does. */
function note(text, again) {
  const box = make("div", `answer ${again ? "trouble" : "aside"}`, make("p", "", text));
  if (again) {
    const button = make("button", "retry", "Try again");
    button.type = "button";
    button.addEventListener("click", again);
    box.append(button);
  }
  return box;
}

/** Sets words that are announced, once. */
const say = (text, where = status) => {
  if (where.textContent !== text) where.textContent = text;
};

// the wire

/** A name that nobody guesses: 26 of 32 signs. Conversations are named here, before the first request, so that a
    repeated first question is known for the same one. */
const mint = () => Array.from(crypto.getRandomValues(new Uint8Array(26)), (byte) => (byte % 32).toString(32)).join("")
  .toUpperCase();

/** Told to people as it is; asking again by itself would not help. */
class Refusal extends Error {}

/** Waits, but no longer than until the device is online again. */
const pause = (ms) => new Promise((done) => {
  setTimeout(done, ms);
  window.addEventListener("online", done, { once: true });
});

/** Server-sent events of a body as `{id, data}`: CR, LF or CRLF, comments, data of several lines. What an end of
    stream cuts off is dropped, as the standard says. */
async function* serverSentEvents(body) {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let [rest, afterReturn, data, id] = ["", false, [], ""];
  try {
    for (;;) {
      const timer = setTimeout(() => reader.cancel().catch(() => {}), SILENCE_MS);
      const { done, value } = await reader.read().finally(() => clearTimeout(timer));
      if (done) return;
      let text = decoder.decode(value, { stream: true });
      if (!text) continue;
      if (afterReturn && text.startsWith("\n")) text = text.slice(1);
      afterReturn = text.endsWith("\r");
      const lines = (rest + text).split(/\r\n|\r|\n/);
      rest = lines.pop();
      for (const line of lines) {
        const [, field, content] = /^([^:]*):? ?(.*)$/s.exec(line);
        if (line === "") {
          if (data.length) yield { id, data: data.join("\n") };
          data = [];
        } else if (field === "data") data.push(content);
        else if (field === "id" && !content.includes("\0")) id = content;
      }
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}

async function request(path, options) {
  const headers = { Accept: "text/event-stream", ...options.headers };
  const response = await fetch(document.documentElement.dataset.base + path, { ...options, headers, cache: "no-store", credentials: "same-origin" });
  if (response.ok) return response;
  if (response.status >= 502 && response.status <= 504) throw new Error("not ready");
  const refusal = await response.json().catch(() => ({}));
  throw Object.assign(new Refusal(refusal.message || "Something went wrong on our side. Please try again."), {
    gone: response.status === 404 || response.status === 410,
  });
}

const postJson = (path, body) =>
  request(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });

/** Begins the turn, or takes it up where the last event left it. Conversation and key make repeating a question harmless. */
function open(turn) {
  if (!turn.id) return postJson("/v1/chat", { ...turn.body, key: turn.key, conversation: turn.conversation });
  const headers = turn.last ? { "Last-Event-ID": turn.last } : {};
  return request(`/v1/turns/${encodeURIComponent(turn.id)}/events`, { headers });
}

/** Reads events until the turn has ended, through as many connections as it takes. */
async function follow(turn) {
  for (let failures = 0; failures <= TRIES; failures += 1) {
    if (failures) {
      turn.quiet = false;
      say("The connection dropped. Trying again…");
      await pause(Math.min(8000, 250 * 2 ** failures) * (0.75 + Math.random() / 2));
    }
    try {
      for await (const { id, data } of serverSentEvents((await open(turn)).body)) {
        if (id) turn.last = id;
        if (take(turn, JSON.parse(data))) failures = 0;
        if (turn.ended) return;
      }
    } catch (error) {
      if (error instanceof Refusal) throw error;
    }
  }
  throw new Refusal("I cannot reach the keeper just now. Your question is safe; please check your connection.");
}

// one turn

/** Applies one envelope; true where it brought something new. */
function take(turn, { turn: id, attempt, seq, event }) {
  const fresh = attempt > turn.attempt || (attempt === turn.attempt && seq > turn.seq);
  const whole = event.type === "Snapshot" || event.type === "TurnEnded";
  if (attempt < turn.attempt || !(fresh || whole)) return false;
  if (attempt > turn.attempt) clearDraft(turn);
  Object.assign(turn, { id, attempt, seq });
  switch (event.type) {
    case "TurnStarted":
      kept.conversation = turn.conversation = event.conversation;
      Object.assign(kept.pending, { id, conversation: event.conversation });
      keep();
      break;
    case "StepStarted":
      turn.model = true;
      speaking(turn, "Writing an answer…");
      break;
    case "ToolCallReady":
      speaking(turn, "Looking it up…");
      break;
    case "StreamChunk":
      if (!turn.model) break; // our own words: they come whole, with the end
      if (event.channel === "text") draft(turn, event.part, event.delta);
      else speaking(turn, "Thinking…");
      break;
    case "PartEnded":
      if (!event.complete) turn.model = false; // broke off; what follows is not the model's
      break;
    case "Snapshot":
      clearDraft(turn);
      turn.model = true;
      for (const { part, channel, text } of event.parts) if (channel === "text") draft(turn, part, text);
      speaking(turn, "Writing an answer…");
      break;
    case "TurnEnded":
      turn.ended = true;
      ended(turn, event);
      break;
    default: // usage, memory, and what later versions add
  }
  return fresh;
}

/** A model is at work: it can be stopped. */
function speaking(turn, text) {
  turn.quiet = false;
  if (!turn.stopping) say(text);
  send.hidden = true;
  stop.hidden = false;
}

/** Appends to the words as they come. They are not announced: only the finished answer is. */
function draft(turn, part, delta) {
  if (!turn.draft) {
    turn.draft = make("div", "answer model draft", badge("model"), make("div", "words"));
    turn.draft.setAttribute("aria-live", "off");
    turn.parts = new Map();
    turn.article.append(turn.draft);
  }
  if (!turn.parts.has(part)) {
    turn.parts.set(part, document.createTextNode(""));
    turn.draft.lastChild.append(make("p", "", turn.parts.get(part)));
  }
  turn.parts.get(part).appendData(delta);
  speaking(turn, "Writing an answer…");
  keepInView(turn);
}

const clearDraft = (turn) => turn.draft = turn.draft?.remove() ?? null;

/** Why a turn ended without the answer, in words that help; nothing where the reply says it, or all is well. */
function reason({ outcome, reply }, unfinished) {
  if (outcome.result === "cancelled") {
    return unfinished ? "You stopped this answer, so it is unfinished." : "Stopped. Ask again whenever you like.";
  }
  if (reply) return null;
  if (outcome.result === "completed") return "I found no words for this. Please try again.";
  if (unfinished) return "This answer broke off before it was finished, so please don’t rely on it.";
  const crowded = ["rate_limited", "overloaded", "quota"].includes(outcome.error.class);
  return crowded ? "Many people are asking right now. Please try again in a moment."
    : "Something went wrong on our side. Your question was fine; please try again.";
}

function ended(turn, event) {
  const { outcome } = event;
  const reply = outcome.result === "cancelled" ? null : event.reply; // our note says more than "Stopped."
  const unfinished = turn.draft && outcome.result !== "completed";
  const why = reason(event, unfinished);
  const mayRepeat = outcome.error?.retriable || (why && outcome.result !== "cancelled");
  const again = mayRepeat ? () => run({ ...turn, key: mint(), id: null }) : null;
  settle(turn, unfinished, reply && answer(reply), (why || again) && note(why ?? "If you like, we can try once more.", again));
  kept.pending = null;
  const before = kept.past.filter((record) => record !== turn.record);
  turn.record = { question: turn.question, body: turn.body, event };
  kept.past = [...before, turn.record].slice(-KEPT);
  keep();
}

/** Puts the final words in the place of the draft, or below it where that stays `unfinished`. */
function settle(turn, unfinished, ...shown) {
  if (unfinished) turn.draft.classList.add("unfinished");
  else clearDraft(turn);
  clearTimeout(turn.timer);
  say("");
  live = null;
  busy(false);
  turn.article.append(...shown.filter(Boolean));
  keepInView(turn);
}

/** Follows the answer down until the question has reached the top, unless the reader has scrolled elsewhere. */
function keepInView(turn) {
  if (turn.drawing) return;
  turn.drawing = true;
  requestAnimationFrame(() => {
    turn.drawing = false;
    if (turn.scrolled !== undefined && Math.abs(window.scrollY - turn.scrolled) > 4) return;
    turn.article.scrollIntoView({ block: "start" });
    turn.scrolled = window.scrollY;
  });
}

/** Nothing in the log is announced, and nothing can be sent, while `on`. */
function busy(on) {
  log.setAttribute("aria-busy", String(on));
  if (!on) {
    if (document.activeElement === stop) question.focus();
    stop.hidden = true;
    stop.ariaDisabled = null;
    send.hidden = false;
  }
  for (const button of document.querySelectorAll(".offer, .suggestion, .retry")) {
    button.disabled = on || button.dataset.used === "true";
  }
  check();
}

/** Asks, or asks again: `turn` holds question, body, key and conversation, and the article once it is shown. */
async function run(turn) {
  if (live) return;
  turn.conversation ??= kept.conversation ??= mint();
  const { question: text, body, key, conversation, id } = turn;
  kept.pending = { question: text, body, key, conversation, id };
  keep();
  const fresh = { last: "", attempt: 0, seq: -1, draft: null, scrolled: undefined };
  live = Object.assign(turn, fresh, { quiet: true, stopping: false, ended: false, model: false });
  show(turn);
  busy(true);
  keepInView(turn);
  turn.timer = setTimeout(() => turn.quiet && say("One moment…"), PATIENCE_MS);
  try {
    await follow(turn);
  } catch (refusal) {
    if (!(refusal instanceof Refusal)) throw refusal;
    gaveUp(turn, refusal);
  }
}

/** Puts the question into the log, or takes away what came of it before. */
function show(turn) {
  if (!turn.article) return log.append(turn.article = exchange(turn.question));
  if (turn.article.contains(document.activeElement)) turn.article.focus({ preventScroll: true });
  for (const old of turn.article.querySelectorAll(".answer")) old.remove();
}

function gaveUp(turn, refusal) {
  if (refusal.gone) {
    kept.conversation = null;
    Object.assign(turn, { id: null, key: mint(), conversation: null });
  }
  const text = refusal.gone ? "I can no longer find this answer. Please ask again." : refusal.message;
  settle(turn, turn.draft, note(text, () => run(turn)));
  keep();
}

function exchange(text) {
  const heading = make("h2", "question", make("span", "unseen", "You asked: "), text);
  heading.setAttribute("aria-live", "off");
  const article = make("article", "exchange", heading);
  article.tabIndex = -1;
  if (welcome) welcome.hidden = true;
  restart.hidden = false;
  return article;
}

// what a reload shows again

function keep() {
  try {
    sessionStorage.setItem(STORE, JSON.stringify(kept));
  } catch { /* full, or forbidden by the reader's settings: then a reload begins anew */ }
}

function restore() {
  if (log.children.length) return; // the server has shown a conversation; that one goes on
  try {
    kept = { ...kept, ...JSON.parse(sessionStorage.getItem(STORE)) };
    const { past, pending } = kept;
    kept.past = [];
    log.setAttribute("aria-live", "off");
    for (const { question: text, body, event } of past) {
      const turn = { question: text, body, conversation: kept.conversation };
      show(turn);
      ended(turn, event);
    }
    requestAnimationFrame(() => log.setAttribute("aria-live", "polite"));
    if (pending) run(pending);
  } catch {
    kept = { conversation: null, past: [], pending: null };
  }
}

// what the reader does

const begin = (text, body) => run({ question: text, body, key: mint(), conversation: kept.conversation, id: null });

/** Keeps the send button and the word about length in step with the box. */
function check() {
  const over = new TextEncoder().encode(question.value).length - MAX_BYTES;
  send.disabled = live !== null || over > 0 || !question.value.trim();
  question.setAttribute("aria-invalid", String(over > 0));
  say(over > 0 ? "That is more than I can read at once. Please shorten it, or send it in parts." : "", tooLong);
  if (!CSS.supports("field-sizing", "content")) question.rows = Math.min(6, question.value.split("\n").length);
}

ask.addEventListener("submit", (event) => {
  event.preventDefault();
  check();
  if (send.disabled) return;
  const text = question.value.trim();
  question.value = "";
  question.focus();
  begin(text, { text });
});

// Suggestions and offers: forms as well, so that they work without us.
document.addEventListener("submit", (event) => {
  const button = event.submitter;
  if (event.target === ask || !button?.name) return;
  event.preventDefault();
  if (live) return;
  if (button.name === "action") button.dataset.used = "true";
  begin(button.textContent.trim(), { [button.name]: button.value });
  if (live) live.article.focus({ preventScroll: true });
});

question.addEventListener("input", check);
question.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  if (!send.disabled) ask.requestSubmit();
});

async function cancel() {
  const turn = live;
  if (!turn?.id || stop.hidden || turn.stopping) return;
  turn.stopping = true;
  stop.ariaDisabled = "true"; // `disabled` would take the focus from it
  say("Stopping…");
  try {
    await postJson(`/v1/turns/${encodeURIComponent(turn.id)}/cancel`, {});
  } catch {
    turn.stopping = false;
    stop.ariaDisabled = null;
    if (live === turn) say("That did not reach the keeper. Please press Stop again.");
  }
}

stop.addEventListener("click", cancel);
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") cancel();
});

restart.addEventListener("click", (event) => {
  if (event.ctrlKey || event.metaKey || event.shiftKey) return; // opens elsewhere; this one goes on
  kept = null; // what still comes in while the page is left is not kept
  keep();
});

restore();
check();
