-- The ledger: what came in, what we said, and how far each source was read.
-- Times are Unix milliseconds, ids and JSON are text: the same statements run on every engine.

-- The oldest migration that a daemon must know to use this database. One row.
CREATE TABLE schema (
    needs BIGINT NOT NULL
);
INSERT INTO schema (needs) VALUES (1);

CREATE TABLE inbox (
    workspace    TEXT   NOT NULL,
    account      TEXT   NOT NULL,
    event        TEXT   NOT NULL,
    conversation TEXT   NOT NULL,
    turn         TEXT   NOT NULL,
    payload      TEXT   NOT NULL,
    received_ms  BIGINT NOT NULL,
    -- Counts up in the order of acceptance; a time alone would leave a batch in no order.
    ordinal      BIGINT NOT NULL,
    attempt      BIGINT NOT NULL DEFAULT 1,
    -- The node that answers it. Its lease says whether it lives.
    node         TEXT,
    state        TEXT   NOT NULL CHECK (state IN ('new', 'done')),
    PRIMARY KEY (workspace, account, event)
);
CREATE UNIQUE INDEX inbox_turn ON inbox (turn);
CREATE UNIQUE INDEX inbox_order ON inbox (ordinal);
CREATE INDEX inbox_new ON inbox (workspace, ordinal) WHERE state = 'new';

-- The last number given out, of whatever people count: tickets.
CREATE TABLE counter (
    workspace TEXT   NOT NULL,
    name      TEXT   NOT NULL,
    value     BIGINT NOT NULL,
    PRIMARY KEY (workspace, name)
);

CREATE TABLE cursor (
    workspace TEXT   NOT NULL,
    account   TEXT   NOT NULL,
    scope     TEXT   NOT NULL,
    value     TEXT   NOT NULL,
    moved_ms  BIGINT NOT NULL,
    PRIMARY KEY (workspace, account, scope)
);

CREATE TABLE conversation (
    workspace  TEXT   NOT NULL,
    id         TEXT   NOT NULL,
    account    TEXT   NOT NULL,
    place      TEXT   NOT NULL,
    thread     TEXT,
    person     TEXT   NOT NULL,
    opened_ms  BIGINT NOT NULL,
    last_ms    BIGINT NOT NULL,
    PRIMARY KEY (workspace, id)
);

-- A row is written once, with the turn's one terminal.
CREATE TABLE turn (
    workspace    TEXT   NOT NULL,
    id           TEXT   NOT NULL,
    conversation TEXT   NOT NULL,
    question     TEXT   NOT NULL,
    attempt      BIGINT NOT NULL,
    last_seq     BIGINT NOT NULL,
    started_ms   BIGINT NOT NULL,
    ended_ms     BIGINT NOT NULL,
    outcome      TEXT   NOT NULL,
    reply        TEXT,
    PRIMARY KEY (workspace, id)
);
CREATE INDEX turn_conversation ON turn (workspace, conversation, ended_ms);

CREATE TABLE outbox (
    workspace   TEXT   NOT NULL,
    id          TEXT   NOT NULL,
    account     TEXT   NOT NULL,
    dest        TEXT   NOT NULL,
    seq         BIGINT NOT NULL,
    turn        TEXT   NOT NULL,
    part        BIGINT NOT NULL,
    reply_to    TEXT   NOT NULL,
    act         TEXT   NOT NULL,
    state       TEXT   NOT NULL CHECK (state IN ('ready', 'sending', 'sent', 'unknown', 'refused', 'expired')),
    attempt     BIGINT NOT NULL,
    next_ms     BIGINT NOT NULL,
    created_ms  BIGINT NOT NULL,
    deadline_ms BIGINT NOT NULL,
    -- The node that sends it.
    node        TEXT,
    message     TEXT,
    PRIMARY KEY (workspace, id)
);
CREATE UNIQUE INDEX outbox_order ON outbox (workspace, account, dest, seq);
CREATE INDEX outbox_turn ON outbox (workspace, turn, part);
CREATE INDEX outbox_busy ON outbox (workspace, account, dest) WHERE state IN ('ready', 'sending');
-- One request at a time to a destination, whoever sends it.
CREATE UNIQUE INDEX outbox_under_way ON outbox (workspace, account, dest) WHERE state = 'sending';
CREATE INDEX outbox_due ON outbox (workspace, next_ms) WHERE state = 'ready';

CREATE TABLE attempt (
    workspace  TEXT   NOT NULL,
    outbox     TEXT   NOT NULL,
    n          BIGINT NOT NULL,
    started_ms BIGINT NOT NULL,
    ended_ms   BIGINT,
    class      TEXT,
    detail     TEXT,
    PRIMARY KEY (workspace, outbox, n)
);

CREATE TABLE ticket (
    workspace    TEXT   NOT NULL,
    number       BIGINT NOT NULL,
    turn         TEXT   NOT NULL,
    conversation TEXT   NOT NULL,
    account      TEXT   NOT NULL,
    person       TEXT   NOT NULL,
    question     TEXT   NOT NULL,
    state        TEXT   NOT NULL CHECK (state IN ('open', 'closed')),
    opened_ms    BIGINT NOT NULL,
    PRIMARY KEY (workspace, number)
);
CREATE UNIQUE INDEX ticket_turn ON ticket (workspace, turn);

-- Held by one node at a time; the token rises with every holder, so that a former one is known by it.
CREATE TABLE lease (
    name       TEXT   NOT NULL PRIMARY KEY,
    workspace  TEXT   NOT NULL,
    holder     TEXT   NOT NULL,
    token      BIGINT NOT NULL,
    expires_ms BIGINT NOT NULL
);
