-- +goose Up
-- What a hall waits for after it was restored from a backup: each terminal's word that it has handed in all it has.
CREATE TABLE awaited (
  terminal TEXT PRIMARY KEY,
  asked    INTEGER NOT NULL DEFAULT 0, -- it has been told how far the restored hall is
  reported TEXT NOT NULL DEFAULT '',   -- when it had handed in everything
  epoch    TEXT NOT NULL DEFAULT '',   -- of its journal then
  head     INTEGER NOT NULL DEFAULT 0, -- and the last record of it
  drawn    INTEGER NOT NULL DEFAULT 0, -- the consequences of all that are drawn
  released TEXT NOT NULL DEFAULT '',   -- when a person said that the hall need not wait for it
  reason   TEXT NOT NULL DEFAULT ''
) STRICT;

-- Records that cannot be yet: what they follow from may be in the journal of a terminal that is still awaited.
CREATE TABLE deferred (
  id       INTEGER PRIMARY KEY,
  terminal TEXT NOT NULL,
  epoch    TEXT NOT NULL,
  seq      INTEGER NOT NULL,
  what     TEXT NOT NULL
) STRICT;

ALTER TABLE terminals ADD COLUMN why TEXT NOT NULL DEFAULT ''; -- it was revoked
-- An attempt that was heard of while its terminal was awaited: the order itself may have been lost with the former life.
ALTER TABLE attempts ADD COLUMN lost INTEGER NOT NULL DEFAULT 0;
ALTER TABLE attempts ADD COLUMN mode TEXT NOT NULL DEFAULT '';
