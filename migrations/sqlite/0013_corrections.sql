-- Which entry each answer came from, and which wording of it stands before its reader now.

-- Given by the database, so that turns that an older daemon answers are found too.
ALTER TABLE turn ADD COLUMN entry TEXT;
ALTER TABLE turn ADD COLUMN revision TEXT;
UPDATE turn SET entry = reply ->> '$.citation.entry', revision = reply ->> '$.citation.revision'
    WHERE reply LIKE '%"citation":{"entry":"%';
CREATE TRIGGER turn_cites AFTER INSERT ON turn
    WHEN new.entry IS NULL AND new.reply LIKE '%"citation":{"entry":"%' BEGIN
    UPDATE turn SET entry = new.reply ->> '$.citation.entry', revision = new.reply ->> '$.citation.revision'
    WHERE workspace = new.workspace AND id = new.id;
END;
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
