-- Money beside tokens: what models cost at the prices in the configuration, in millionths of the operator's currency.
-- A daemon one version older counts no money; what it expires of `budget_hold` stays held until the day is over.
ALTER TABLE budget ADD COLUMN money_spent BIGINT NOT NULL DEFAULT 0;
ALTER TABLE budget ADD COLUMN money_held BIGINT NOT NULL DEFAULT 0;
ALTER TABLE budget_hold ADD COLUMN money BIGINT NOT NULL DEFAULT 0;

-- Counts up in each conversation, in the order in which turns were answered: a clock may be set back. Given by the
-- database, so that turns that an older daemon answers are in their place too.
ALTER TABLE turn ADD COLUMN ordinal BIGINT NOT NULL DEFAULT 0;
UPDATE turn SET ordinal = r.n FROM (
    SELECT workspace, id, ROW_NUMBER() OVER (PARTITION BY workspace, conversation ORDER BY ended_ms, id) AS n FROM turn
) AS r WHERE turn.workspace = r.workspace AND turn.id = r.id;
CREATE INDEX turn_order ON turn (workspace, conversation, ordinal);
CREATE TRIGGER turn_follows AFTER INSERT ON turn WHEN new.ordinal = 0 BEGIN
    UPDATE turn SET ordinal = 1 + (
        SELECT MAX(t.ordinal) FROM turn t WHERE t.workspace = new.workspace AND t.conversation = new.conversation
    ) WHERE workspace = new.workspace AND id = new.id;
END;

-- Who made a token, as the audit log writes it: what somebody made for a machine ends when they are removed. Of tokens made
-- before this nobody is known.
ALTER TABLE token ADD COLUMN maker TEXT;
