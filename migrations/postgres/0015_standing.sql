-- What stands in a place, pinned, and is kept as it should be: the safety page, one message a place.
--
-- `reply_to`: where it was said. `words`: a hash of the words that were sent last, '' where they are to be sent again;
-- `revision`: of the base that they are of. `said`: the row of the outbox that brings them. `message`: the platform's name of
-- the message, once it is known. `pin`: the row of the outbox that pins it.
CREATE TABLE standing (
    workspace TEXT   NOT NULL,
    account   TEXT   NOT NULL,
    place     TEXT   NOT NULL,
    reply_to  TEXT   NOT NULL,
    words     TEXT   NOT NULL,
    revision  BIGINT NOT NULL,
    said      TEXT   NOT NULL,
    message   TEXT,
    pin       TEXT,
    PRIMARY KEY (workspace, account, place)
);
