-- +goose Up
ALTER TABLE owed ADD COLUMN epoch TEXT NOT NULL DEFAULT ''; -- of the journal of the terminal that pays out, as it asked for it
UPDATE owed SET epoch = coalesce((SELECT t.epoch FROM terminals t WHERE t.id = owed.paid_by), '') WHERE state = 'paid' AND reported = 0;
