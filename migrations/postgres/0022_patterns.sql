-- What moderators look for: regular expressions, by name. `by_actor`: who wrote it, as the audit log names them.
CREATE TABLE scam_pattern (
    workspace TEXT   NOT NULL,
    name      TEXT   NOT NULL,
    regex     TEXT   NOT NULL,
    by_actor  TEXT   NOT NULL,
    at_ms     BIGINT NOT NULL,
    PRIMARY KEY (workspace, name)
);
