-- What is asked every few seconds, and at every word of a moderator, is found without reading all there is.

-- How much was said about cases so far.
CREATE INDEX scam_case_said ON scam_case (workspace, said) WHERE said > 0;
-- What is to be learnt.
CREATE INDEX scam_case_lesson ON scam_case (workspace, number) WHERE state IN ('content', 'clear');
-- What follows from a case, by the beginning of what asked for it: in the order of bytes, whatever the database's own is.
CREATE INDEX moderation_follows ON moderation (workspace, asked COLLATE "C");
