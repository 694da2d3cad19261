-- People and access: who may do what, how they show who they are, what they did, and whether anything may leave.
-- Secrets stand here as SHA-256 only.

CREATE TABLE workspace (
    id         TEXT   NOT NULL PRIMARY KEY,
    name       TEXT   NOT NULL,
    created_ms BIGINT NOT NULL
);

CREATE TABLE person (
    workspace  TEXT   NOT NULL,
    id         TEXT   NOT NULL,
    name       TEXT   NOT NULL,
    created_ms BIGINT NOT NULL,
    PRIMARY KEY (workspace, id)
);

-- A platform's own number of a person, proven by a code that was said there.
CREATE TABLE identity (
    workspace TEXT   NOT NULL,
    platform  TEXT   NOT NULL,
    id        TEXT   NOT NULL,
    person    TEXT   NOT NULL,
    proven_ms BIGINT NOT NULL,
    PRIMARY KEY (workspace, platform, id)
);
CREATE INDEX identity_person ON identity (workspace, person);

CREATE TABLE role (
    workspace  TEXT   NOT NULL,
    person     TEXT   NOT NULL,
    role       TEXT   NOT NULL CHECK (role IN ('owner', 'moderator', 'editor', 'announcer')),
    granted_ms BIGINT NOT NULL,
    PRIMARY KEY (workspace, person, role)
);

-- `person` is NULL for a machine's token. `scopes`: words with a space between.
CREATE TABLE token (
    workspace    TEXT   NOT NULL,
    id           TEXT   NOT NULL,
    person       TEXT,
    name         TEXT   NOT NULL,
    scopes       TEXT   NOT NULL,
    hash         TEXT   NOT NULL,
    created_ms   BIGINT NOT NULL,
    expires_ms   BIGINT NOT NULL,
    last_used_ms BIGINT,
    revoked_ms   BIGINT,
    PRIMARY KEY (workspace, id)
);
CREATE UNIQUE INDEX token_hash ON token (hash);

CREATE TABLE session (
    workspace  TEXT   NOT NULL,
    hash       TEXT   NOT NULL,
    person     TEXT   NOT NULL,
    created_ms BIGINT NOT NULL,
    expires_ms BIGINT NOT NULL,
    PRIMARY KEY (workspace, hash)
);
CREATE INDEX session_person ON session (workspace, person);

CREATE TABLE login_link (
    workspace  TEXT   NOT NULL,
    hash       TEXT   NOT NULL,
    person     TEXT   NOT NULL,
    expires_ms BIGINT NOT NULL,
    used_ms    BIGINT,
    PRIMARY KEY (workspace, hash)
);

CREATE TABLE link_code (
    workspace  TEXT   NOT NULL,
    hash       TEXT   NOT NULL,
    person     TEXT   NOT NULL,
    expires_ms BIGINT NOT NULL,
    used_ms    BIGINT,
    PRIMARY KEY (workspace, hash)
);

-- Wrong codes said by one platform identity since `since_ms`.
CREATE TABLE link_attempt (
    workspace TEXT   NOT NULL,
    platform  TEXT   NOT NULL,
    id        TEXT   NOT NULL,
    since_ms  BIGINT NOT NULL,
    wrong     BIGINT NOT NULL,
    PRIMARY KEY (workspace, platform, id)
);

-- Each record holds the hash of the one before it. Nothing here is ever changed or taken away.
CREATE TABLE audit (
    workspace   TEXT   NOT NULL,
    n           BIGINT NOT NULL,
    at_ms       BIGINT NOT NULL,
    actor       TEXT   NOT NULL,
    method      TEXT   NOT NULL,
    action      TEXT   NOT NULL,
    subject     TEXT   NOT NULL,
    before_hash TEXT   NOT NULL,
    after_hash  TEXT   NOT NULL,
    prev_hash   TEXT   NOT NULL,
    hash        TEXT   NOT NULL,
    PRIMARY KEY (workspace, n)
);

-- How far the log goes, so that a cut end shows. Its row is what writers of several daemons wait for.
CREATE TABLE audit_head (
    workspace TEXT   NOT NULL PRIMARY KEY,
    n         BIGINT NOT NULL,
    hash      TEXT   NOT NULL
);

-- One row a workspace, while it is frozen.
CREATE TABLE frozen (
    workspace TEXT   NOT NULL PRIMARY KEY,
    since_ms  BIGINT NOT NULL,
    actor     TEXT   NOT NULL,
    reason    TEXT   NOT NULL
);

CREATE TABLE thaw_vote (
    workspace TEXT   NOT NULL,
    actor     TEXT   NOT NULL,
    at_ms     BIGINT NOT NULL,
    PRIMARY KEY (workspace, actor)
);

CREATE TRIGGER audit_stays BEFORE UPDATE ON audit BEGIN
    SELECT RAISE(ABORT, 'the audit log is append-only');
END;
CREATE TRIGGER audit_keeps BEFORE DELETE ON audit BEGIN
    SELECT RAISE(ABORT, 'the audit log is append-only');
END;
CREATE TRIGGER audit_head_grows BEFORE UPDATE ON audit_head WHEN new.n < old.n BEGIN
    SELECT RAISE(ABORT, 'the audit log is append-only');
END;
CREATE TRIGGER audit_head_keeps BEFORE DELETE ON audit_head BEGIN
    SELECT RAISE(ABORT, 'the audit log is append-only');
END;
