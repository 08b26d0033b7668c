-- +goose Up
-- Payouts that machines began, each for one debt. What came out stands as a paid debt of its own, under the payout's id.
CREATE TABLE payouts (
  payout   TEXT NOT NULL,
  terminal TEXT NOT NULL,
  case_id  TEXT NOT NULL,
  owed     TEXT NOT NULL,
  amount   INTEGER NOT NULL,
  state    TEXT NOT NULL, -- begun ended doubtful settled
  back     TEXT NOT NULL DEFAULT '', -- the debt that stands for the doubtful pieces
  PRIMARY KEY (terminal, payout)
) STRICT;
