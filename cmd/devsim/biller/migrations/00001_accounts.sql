-- +goose Up
CREATE TABLE account (
	account     TEXT PRIMARY KEY,
	name        TEXT NOT NULL,
	address     TEXT NOT NULL,
	balance_fen INTEGER NOT NULL DEFAULT 0,
	surplus     TEXT NOT NULL CHECK (surplus IN ('balance', 'owed')),
	part        INTEGER NOT NULL CHECK (part IN (0, 1))
) STRICT;

CREATE TABLE bill (
	account  TEXT NOT NULL REFERENCES account (account),
	period   TEXT NOT NULL,
	due_fen  INTEGER NOT NULL CHECK (due_fen > 0),
	paid_fen INTEGER NOT NULL DEFAULT 0 CHECK (paid_fen BETWEEN 0 AND due_fen),
	PRIMARY KEY (account, period)
) STRICT;

-- A reference is the hall's name of one payment. It is good for one posting, however often it is sent.
CREATE TABLE posting (
	reference  TEXT PRIMARY KEY,
	account    TEXT NOT NULL REFERENCES account (account),
	case_id    TEXT NOT NULL,
	asked_fen  INTEGER NOT NULL CHECK (asked_fen > 0), -- what was sent, to know a repetition
	amount_fen INTEGER NOT NULL,                       -- what the books say, true or falsified
	time       TEXT NOT NULL
) STRICT;
