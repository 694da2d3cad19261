-- The canonical base: what each of its documents said at each revision, and the changes that led there. What is published
-- is never changed or taken away. `actor` as in the audit log; NULL: nobody, files did.

-- `text` NULL: withdrawn. `base`: the revision of the whole base that began with it; the greatest is published.
CREATE TABLE knowledge_item (
    workspace TEXT   NOT NULL,
    item      TEXT   NOT NULL,
    revision  BIGINT NOT NULL,
    base      BIGINT NOT NULL,
    change    BIGINT NOT NULL,
    text      TEXT,
    at_ms     BIGINT NOT NULL,
    PRIMARY KEY (workspace, item, revision)
);
CREATE INDEX knowledge_item_base ON knowledge_item (workspace, base);

-- `state`: open, published, refused, withdrawn. Where an open one stands follows from its approvals. `seal`: what those
-- who had it published approved.
CREATE TABLE knowledge_change (
    workspace   TEXT   NOT NULL,
    id          BIGINT NOT NULL,
    origin      TEXT   NOT NULL CHECK (origin IN ('bootstrap', 'files', 'api')),
    actor       TEXT,
    note        TEXT   NOT NULL,
    edition     BIGINT NOT NULL,
    proposed_ms BIGINT NOT NULL,
    state       TEXT   NOT NULL CHECK (state IN ('open', 'published', 'refused', 'withdrawn')),
    reason      TEXT,
    seal        TEXT,
    base        BIGINT,
    PRIMARY KEY (workspace, id)
);
CREATE INDEX knowledge_change_open ON knowledge_change (workspace, state);

-- What a change says, document by document; NULL: it takes it away.
CREATE TABLE knowledge_proposal (
    workspace TEXT   NOT NULL,
    change    BIGINT NOT NULL,
    item      TEXT   NOT NULL,
    text      TEXT,
    PRIMARY KEY (workspace, change, item)
);

-- `seal`: SHA-256 of what was approved.
CREATE TABLE knowledge_approval (
    workspace TEXT   NOT NULL,
    change    BIGINT NOT NULL,
    actor     TEXT   NOT NULL,
    seal      TEXT   NOT NULL,
    at_ms     BIGINT NOT NULL,
    PRIMARY KEY (workspace, change, actor, seal)
);

-- The files as the last start found them, so that only what somebody changed there becomes a change here.
CREATE TABLE knowledge_file (
    workspace TEXT NOT NULL,
    item      TEXT NOT NULL,
    hash      TEXT NOT NULL,
    PRIMARY KEY (workspace, item)
);

CREATE FUNCTION knowledge_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'what was published is append-only';
END;
$$;
CREATE TRIGGER knowledge_item_stays BEFORE UPDATE OR DELETE ON knowledge_item
    FOR EACH ROW EXECUTE FUNCTION knowledge_append_only();
CREATE TRIGGER knowledge_item_keeps BEFORE TRUNCATE ON knowledge_item
    FOR EACH STATEMENT EXECUTE FUNCTION knowledge_append_only();
