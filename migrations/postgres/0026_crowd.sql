-- What else a message said that has a case: an edit opens no second one.
--
-- `edits`: the other wordings, each with the event of the edit, so that one that is delivered again is known. `edited_ms`: when
-- an edit came that nobody acted upon yet; its cards are to be drawn anew. `wording`: counts what edits changed of the case, so
-- that nobody judges what they have not read.
ALTER TABLE scam_case ADD COLUMN edits TEXT NOT NULL DEFAULT '[]';
ALTER TABLE scam_case ADD COLUMN edited_ms BIGINT;
ALTER TABLE scam_case ADD COLUMN wording BIGINT NOT NULL DEFAULT 0;
CREATE INDEX scam_case_message ON scam_case (workspace, account, message) WHERE message IS NOT NULL;
CREATE INDEX scam_case_edited ON scam_case (workspace, number) WHERE edited_ms IS NOT NULL;

-- Waves of people who join a place: of each, moderators are told once. `seen_ms`: when it was last noted that it goes on.
CREATE TABLE join_wave (
    workspace TEXT   NOT NULL,
    account   TEXT   NOT NULL,
    place     TEXT   NOT NULL,
    seen_ms   BIGINT NOT NULL,
    PRIMARY KEY (workspace, account, place)
);

-- What a linked account was last seen to be called on its platform: nobody else may look like one of the team.
ALTER TABLE identity ADD COLUMN name TEXT NOT NULL DEFAULT '';
ALTER TABLE identity ADD COLUMN handle TEXT NOT NULL DEFAULT '';
