-- What pictures of cases look like: 64 bits each, and nothing else of them. They stand with the case that the event led to,
-- are held against nobody before a moderator called it a scam, and go when it goes.
CREATE TABLE scam_picture (
    workspace TEXT   NOT NULL,
    account   TEXT   NOT NULL,
    -- The case's.
    event     TEXT   NOT NULL,
    hash      BIGINT NOT NULL,
    at_ms     BIGINT NOT NULL,
    PRIMARY KEY (workspace, account, event, hash)
);
