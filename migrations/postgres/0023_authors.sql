-- A sweep looks up whose each copy is, to spare who moderates there.
CREATE INDEX fingerprint_message ON fingerprint (workspace, account, message);
