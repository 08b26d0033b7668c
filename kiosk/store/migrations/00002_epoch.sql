-- +goose Up
-- Of a record that came after the journal had branched; empty: the epoch that the journal began with.
ALTER TABLE journal ADD COLUMN epoch TEXT NOT NULL DEFAULT '';
