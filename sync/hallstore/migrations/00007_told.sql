-- +goose Up
-- How many notices each terminal has. All terminals wait for theirs at once, and each change wakes them all: one question here answers for all of them.
CREATE TABLE told (
  terminal TEXT PRIMARY KEY,
  seq      INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO told SELECT terminal, max(seq) FROM notices GROUP BY terminal;
