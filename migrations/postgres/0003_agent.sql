-- The agent: what models may still cost, and what is remembered about people.

-- Tokens of one day (days since 1970-01-01). `scope` is '' for the whole workspace, else one person.
CREATE TABLE budget (
    workspace TEXT   NOT NULL,
    scope     TEXT   NOT NULL,
    day       BIGINT NOT NULL,
    spent     BIGINT NOT NULL,
    -- Reserved by requests that are under way.
    held      BIGINT NOT NULL,
    PRIMARY KEY (workspace, scope, day)
);

-- One request that is under way. A daemon that died leaves its row, which expires.
CREATE TABLE budget_hold (
    workspace  TEXT   NOT NULL,
    id         TEXT   NOT NULL,
    scope      TEXT   NOT NULL,
    day        BIGINT NOT NULL,
    tokens     BIGINT NOT NULL,
    expires_ms BIGINT NOT NULL,
    PRIMARY KEY (workspace, id)
);
CREATE INDEX budget_hold_due ON budget_hold (workspace, expires_ms);

-- Notes about a person in a place. Numbers count up in a workspace and are never used twice.
CREATE TABLE memory (
    workspace  TEXT   NOT NULL,
    account    TEXT   NOT NULL,
    place      TEXT   NOT NULL,
    person     TEXT   NOT NULL,
    number     BIGINT NOT NULL,
    note       TEXT   NOT NULL,
    -- The turn in which it was said.
    turn       TEXT   NOT NULL,
    written_ms BIGINT NOT NULL,
    PRIMARY KEY (workspace, account, place, person, number)
);
CREATE UNIQUE INDEX memory_once ON memory (workspace, account, place, person, note);
