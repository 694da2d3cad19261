-- What the shield found, what moderators made of it, and who is known here.

-- A message that looks like a scam. What moderators said is learnt from these rows and from nothing else: to take a verdict
-- back, or to erase a person, is to unlearn.
CREATE TABLE scam_case (
    workspace  TEXT   NOT NULL,
    number     BIGINT NOT NULL,
    account    TEXT   NOT NULL,
    -- The event it was found in: delivered again, it is the same case.
    event      TEXT   NOT NULL,
    place      TEXT   NOT NULL,
    -- Where the adapter acts.
    address    TEXT   NOT NULL,
    message    TEXT,
    person     TEXT   NOT NULL,
    name       TEXT   NOT NULL,
    text       TEXT   NOT NULL,
    why        TEXT   NOT NULL,
    verdict    TEXT   NOT NULL,
    action     TEXT   NOT NULL,
    mode       TEXT   NOT NULL,
    at_ms      BIGINT NOT NULL,
    state      TEXT   NOT NULL,
    -- Moderators were shown it, or it was seen that nobody reads of it.
    shown_ms   BIGINT,
    decided_by TEXT,
    decided_ms BIGINT,
    -- Counts what was said about it, and what was taken back.
    said       BIGINT NOT NULL,
    PRIMARY KEY (workspace, number)
);
CREATE UNIQUE INDEX scam_case_event ON scam_case (workspace, account, event);
CREATE INDEX scam_case_new ON scam_case (workspace, number) WHERE shown_ms IS NULL;

-- A member who reported a message; a case opens when they weigh enough.
CREATE TABLE scam_report (
    workspace TEXT   NOT NULL,
    account   TEXT   NOT NULL,
    message   TEXT   NOT NULL,
    person    TEXT   NOT NULL,
    -- In thousandths of what opens a case.
    weight    BIGINT NOT NULL,
    at_ms     BIGINT NOT NULL,
    PRIMARY KEY (workspace, account, message, person)
);
CREATE INDEX scam_report_person ON scam_report (workspace, account, person, at_ms);

-- How long somebody is here and how much they said: by that they are trusted.
CREATE TABLE member (
    workspace TEXT   NOT NULL,
    account   TEXT   NOT NULL,
    person    TEXT   NOT NULL,
    first_ms  BIGINT NOT NULL,
    said      BIGINT NOT NULL,
    seen_ms   BIGINT NOT NULL,
    PRIMARY KEY (workspace, account, person)
);
