-- What moderators judged is known without reading what was written, however much of it there is.
CREATE INDEX scam_case_judged ON scam_case (workspace, number, said, state) WHERE state IN ('content', 'clear');
