-- What an adapter keeps for its account: a session to take up again, a token that rotates. Sealed by the engine; nothing in
-- here can be read without the daemon's own key.
CREATE TABLE adapter_state (
    workspace TEXT   NOT NULL,
    account   TEXT   NOT NULL,
    name      TEXT   NOT NULL,
    sealed    TEXT   NOT NULL,
    moved_ms  BIGINT NOT NULL,
    PRIMARY KEY (workspace, account, name)
);
