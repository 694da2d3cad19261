-- Many daemons on one database: who runs what, and who has which account.

-- Held by one node at a time; the token rises with every holder, so that a former one is known by it.
CREATE TABLE lease (
    name       TEXT   NOT NULL PRIMARY KEY,
    workspace  TEXT   NOT NULL,
    holder     TEXT   NOT NULL,
    token      BIGINT NOT NULL,
    expires_ms BIGINT NOT NULL
);

-- The node that answers an event, or that sends a message. Its lease says whether it lives.
ALTER TABLE inbox ADD COLUMN node TEXT;
ALTER TABLE outbox ADD COLUMN node TEXT;
