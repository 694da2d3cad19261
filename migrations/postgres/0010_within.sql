-- The bigger place that a place is a part of: a channel's server. What is set for that holds for its parts.
ALTER TABLE place ADD COLUMN within TEXT;
