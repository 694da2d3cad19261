-- Which messages show which cases to moderators: a card of its own for a case, or a digest of several.
--
-- `card`: the row of the outbox that brought it. `kind`: `card`, one of its own, which is drawn anew when something is said
-- about its case; `digest`, a line of one; `again`, what drew a card anew. `due`: 1, it is to be drawn anew.
CREATE TABLE scam_card (
    workspace TEXT   NOT NULL,
    number    BIGINT NOT NULL,
    card      TEXT   NOT NULL,
    account   TEXT   NOT NULL,
    kind      TEXT   NOT NULL,
    shown_ms  BIGINT NOT NULL,
    due       BIGINT NOT NULL,
    PRIMARY KEY (workspace, number, card)
);
CREATE INDEX scam_card_shown ON scam_card (workspace, shown_ms);
CREATE INDEX scam_card_due ON scam_card (workspace) WHERE due = 1;
