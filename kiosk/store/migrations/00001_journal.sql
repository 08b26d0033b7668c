-- +goose Up
CREATE TABLE journal (
	seq      INTEGER PRIMARY KEY,
	time     TEXT NOT NULL,
	quality  TEXT NOT NULL,
	case_id  TEXT NOT NULL,
	kind     TEXT NOT NULL,
	header   BLOB NOT NULL,
	sealed   BLOB,
	seal_sum TEXT NOT NULL,
	prev     TEXT NOT NULL,
	hash     TEXT NOT NULL
);
CREATE TABLE kept (
	name  TEXT PRIMARY KEY,
	value BLOB NOT NULL
);
