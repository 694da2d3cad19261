-- Places: groups and channels that are known, and what somebody set for them. What nobody set has no row.

-- `address`: where something goes that answers nobody. `told`: the event upon which it was said, once, that we are not
-- switched on there.
CREATE TABLE place (
    workspace TEXT NOT NULL,
    account   TEXT NOT NULL,
    place     TEXT NOT NULL,
    kind      TEXT NOT NULL,
    address   TEXT,
    told      TEXT,
    PRIMARY KEY (workspace, account, place)
);

-- `actor` and `method` as in the audit log.
CREATE TABLE place_setting (
    workspace TEXT   NOT NULL,
    account   TEXT   NOT NULL,
    place     TEXT   NOT NULL,
    setting   TEXT   NOT NULL,
    value     TEXT   NOT NULL,
    actor     TEXT   NOT NULL,
    method    TEXT   NOT NULL,
    at_ms     BIGINT NOT NULL,
    PRIMARY KEY (workspace, account, place, setting)
);
