-- What the shield does by itself, and what a moderator's word about a case leads to: neither lost nor done twice.

-- 1: the platform was asked whether it may be done when it was ordered. 0: it is asked before it is done.
ALTER TABLE moderation ADD COLUMN looked BIGINT NOT NULL DEFAULT 1;
-- Whether a message is being taken down already.
CREATE INDEX moderation_removed ON moderation (workspace, account, message) WHERE verb = 'remove';

-- How often the shield acted by itself lately, for all nodes together. One row a workspace.
CREATE TABLE breaker (
    workspace  TEXT   NOT NULL PRIMARY KEY,
    -- When, oldest first: a JSON array of times.
    acted      TEXT   NOT NULL,
    -- Since when it only shows what it finds.
    tripped_ms BIGINT
);

-- A word about a case whose acts are not all ordered yet: written with the word, deleted behind its last order.
CREATE TABLE case_word (
    workspace TEXT   NOT NULL,
    number    BIGINT NOT NULL,
    -- How much was said about the case, this included.
    said      BIGINT NOT NULL,
    -- Who orders them. A lease says whether it lives.
    node      TEXT   NOT NULL,
    -- Who said it, as the audit log writes it, and by which number of the platform, where one counts.
    actor     TEXT   NOT NULL,
    method    TEXT   NOT NULL,
    person    TEXT,
    -- The copies that are to be taken down too: JSON.
    copies    TEXT   NOT NULL,
    at_ms     BIGINT NOT NULL,
    PRIMARY KEY (workspace, number)
);
