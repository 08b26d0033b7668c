-- +goose Up
-- Debts that the hall itself has paid and whose terminal has not said yet that it knows: no journal tells of them. They stand in life.json too, and after
-- the hall was put back they come from there, before the debt itself is here again.
CREATE TABLE paid_here (
  owed   TEXT PRIMARY KEY,
  at     TEXT NOT NULL,
  reason TEXT NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO paid_here SELECT id, paid_at, reason FROM owed WHERE state = 'paid' AND paid_by = '@hall' AND id NOT IN (
  SELECT coalesce(CASE WHEN json_valid(CAST(header AS TEXT)) THEN json_extract(CAST(header AS TEXT), '$.owed') END, '') FROM records WHERE kind = 'owed.paid');
