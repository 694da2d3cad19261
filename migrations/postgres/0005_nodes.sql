-- Several daemons on one database: what each has seen of a freeze, and whose life is whose.

-- The freeze (its `since_ms`) that this node has seen, with nothing of its under way any more. On leases of nodes only.
ALTER TABLE lease ADD COLUMN quiet_ms BIGINT;

-- The node whose life it is. Lives from before have none.
ALTER TABLE run ADD COLUMN node TEXT;
