-- What the shield remembers, for every node and over a restart; and who was erased.

-- What was said in a watched place within the last day, recognisable when it comes again.
CREATE TABLE fingerprint (
    workspace TEXT   NOT NULL,
    -- Who took the message in. Its numbers go up in the order of its commits: others read on from where they were.
    node      TEXT   NOT NULL,
    seq       BIGINT NOT NULL,
    account   TEXT   NOT NULL,
    place     TEXT   NOT NULL,
    message   TEXT   NOT NULL,
    person    TEXT   NOT NULL,
    print     BIGINT NOT NULL,
    at_ms     BIGINT NOT NULL,
    PRIMARY KEY (workspace, node, seq)
);

-- Others read whom a node has heard lately.
CREATE INDEX member_seen ON member (workspace, seen_ms);

-- Somebody who was erased within the last day, as a number that is made of theirs: what other nodes still remember of them
-- is forgotten there, and not written again.
CREATE TABLE erasure (
    workspace TEXT   NOT NULL,
    mark      BIGINT NOT NULL,
    at_ms     BIGINT NOT NULL,
    PRIMARY KEY (workspace, mark)
);
