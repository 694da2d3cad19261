-- Which entry each answer came from, and which wording of it stands before its reader now.

-- Turns that a daemon one version older answers meanwhile have none.
ALTER TABLE turn ADD COLUMN entry TEXT;
ALTER TABLE turn ADD COLUMN revision TEXT;
UPDATE turn SET entry = reply ->> '$.citation.entry', revision = reply ->> '$.citation.revision'
    WHERE reply LIKE '%"citation":{"entry":"%';
CREATE INDEX turn_entry ON turn (workspace, entry, ended_ms) WHERE entry IS NOT NULL;

-- An answer that was put right: one row a turn, with the last wording that was sent for it.
CREATE TABLE correction (
    workspace TEXT   NOT NULL,
    turn      TEXT   NOT NULL,
    entry     TEXT   NOT NULL,
    revision  TEXT   NOT NULL,
    -- A hash of the words: a wording may change without them.
    words     TEXT   NOT NULL,
    -- Its rows in the outbox have this in the place of a turn.
    id        TEXT   NOT NULL,
    at_ms     BIGINT NOT NULL,
    PRIMARY KEY (workspace, turn)
);
