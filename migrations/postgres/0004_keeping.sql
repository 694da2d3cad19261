-- Keeping: what an operator should know of this installation, and never leaves it.

-- The first time something happened: first_start, first_account, first_question, first_answer, first_ticket.
CREATE TABLE milestone (
    workspace TEXT   NOT NULL,
    name      TEXT   NOT NULL,
    at_ms     BIGINT NOT NULL,
    PRIMARY KEY (workspace, name)
);

-- One row for each life of the daemon. One that ended without a word has no end.
CREATE TABLE run (
    workspace  TEXT   NOT NULL,
    id         TEXT   NOT NULL,
    started_ms BIGINT NOT NULL,
    ready_ms   BIGINT,
    ended_ms   BIGINT,
    PRIMARY KEY (workspace, id)
);
