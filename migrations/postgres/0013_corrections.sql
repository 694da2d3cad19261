-- Which entry each answer came from, and which wording of it stands before its reader now.

-- Given by the database, so that turns that an older daemon answers are found too.
ALTER TABLE turn ADD COLUMN entry TEXT;
ALTER TABLE turn ADD COLUMN revision TEXT;
UPDATE turn SET entry = substring(reply FROM '"citation":\{"entry":"([^"]*)"'),
    revision = substring(reply FROM '"revision":"([^"]*)","as_of":"')
    WHERE reply LIKE '%"citation":{"entry":"%';
CREATE FUNCTION turn_cites() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.entry := substring(NEW.reply FROM '"citation":\{"entry":"([^"]*)"');
    NEW.revision := substring(NEW.reply FROM '"revision":"([^"]*)","as_of":"');
    RETURN NEW;
END
$$;
CREATE TRIGGER turn_cites BEFORE INSERT ON turn
    FOR EACH ROW WHEN (NEW.entry IS NULL AND NEW.reply LIKE '%"citation":{"entry":"%') EXECUTE FUNCTION turn_cites();
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
