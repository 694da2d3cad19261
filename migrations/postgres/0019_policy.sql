-- How the messages of a community score, so that a share of false alarms has a score: counts by bin, and no message. Nodes
-- add up. At most 256 rows a platform.
CREATE TABLE shield_shadow (
    workspace TEXT   NOT NULL,
    platform  TEXT   NOT NULL,
    bin       BIGINT NOT NULL,
    messages  BIGINT NOT NULL,
    PRIMARY KEY (workspace, platform, bin)
);

-- What the policy wanted besides: words, comma-separated.
ALTER TABLE scam_case ADD COLUMN also TEXT NOT NULL DEFAULT '';
UPDATE scam_case SET also = 'restrict' WHERE action = 'delete';
-- The bin in which its score was counted; none: it was not.
ALTER TABLE scam_case ADD COLUMN counted BIGINT;
