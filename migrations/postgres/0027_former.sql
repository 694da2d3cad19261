-- How somebody stood in a place before an act upon them.

-- Where the act holds: the place, or the bigger one that it is a part of.
ALTER TABLE moderation ADD COLUMN realm TEXT NOT NULL DEFAULT '';
UPDATE moderation SET realm = COALESCE((SELECT p.within FROM place p WHERE p.workspace = moderation.workspace
    AND p.account = moderation.account AND p.place = moderation.place), place);
-- The first of the acts upon the same person that count together: it holds how they stood before all of them.
ALTER TABLE moderation ADD COLUMN chain BIGINT NOT NULL DEFAULT 0;
UPDATE moderation SET chain = COALESCE(reverses, number);
-- JSON: unknown, or what was held against them. None: the platform was not asked yet.
ALTER TABLE moderation ADD COLUMN former TEXT;
UPDATE moderation SET former = '"unknown"' WHERE person IS NOT NULL;
CREATE INDEX moderation_person ON moderation (workspace, account, realm, person) WHERE person IS NOT NULL;

-- Where somebody was seen, for acts upon their linked accounts.
CREATE INDEX scam_case_person ON scam_case (workspace, person);
CREATE INDEX conversation_person ON conversation (workspace, person);
