-- What people press, what they thought of an answer, and what moderators had done.

-- A button below a message. Its id is random and says nothing; what it stands for is here, and it is used once.
CREATE TABLE action (
    workspace  TEXT   NOT NULL,
    id         TEXT   NOT NULL,
    account    TEXT   NOT NULL,
    -- The turn whose reply it stands below.
    turn       TEXT   NOT NULL,
    -- Who may press it; none: anybody who sees it.
    person     TEXT,
    meaning    TEXT   NOT NULL,
    -- Buttons of one choice are used up together.
    choice     TEXT,
    expires_ms BIGINT NOT NULL,
    used_ms    BIGINT,
    -- The turn that pressed it: taken up again after a crash, it finds its press.
    used_by    TEXT,
    PRIMARY KEY (workspace, id)
);
CREATE INDEX action_choice ON action (workspace, choice) WHERE choice IS NOT NULL;

-- What the one who asked thought of an answer.
CREATE TABLE feedback (
    workspace TEXT   NOT NULL,
    turn      TEXT   NOT NULL,
    account   TEXT   NOT NULL,
    person    TEXT   NOT NULL,
    -- '' where a model's answer cited nothing.
    entry     TEXT   NOT NULL,
    revision  TEXT   NOT NULL,
    helped    BIGINT NOT NULL CHECK (helped IN (0, 1)),
    at_ms     BIGINT NOT NULL,
    PRIMARY KEY (workspace, turn)
);
CREATE INDEX feedback_entry ON feedback (workspace, entry, revision);

-- What moderators had done. How it went stands in the outbox, in the row that it names.
CREATE TABLE moderation (
    workspace TEXT   NOT NULL,
    number    BIGINT NOT NULL,
    -- What asked for it: a turn, or a request. Asked again it is the same act.
    asked     TEXT   NOT NULL,
    account   TEXT   NOT NULL,
    place     TEXT   NOT NULL,
    -- Where the adapter acts.
    address   TEXT   NOT NULL,
    person    TEXT,
    message   TEXT,
    verb      TEXT   NOT NULL,
    until_ms  BIGINT,
    reason    TEXT   NOT NULL,
    -- Who, as the audit log writes it, and by which number of the platform, where one counts.
    by_actor  TEXT   NOT NULL,
    by_person TEXT,
    at_ms     BIGINT NOT NULL,
    -- The act that this one takes back.
    reverses  BIGINT,
    outbox    TEXT   NOT NULL,
    PRIMARY KEY (workspace, number)
);
CREATE UNIQUE INDEX moderation_asked ON moderation (workspace, asked);
CREATE UNIQUE INDEX moderation_outbox ON moderation (workspace, outbox);
-- An act is taken back once.
CREATE UNIQUE INDEX moderation_reverses ON moderation (workspace, reverses) WHERE reverses IS NOT NULL;
