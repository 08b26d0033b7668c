-- +goose Up
-- What a person at the hall or at another terminal has found of a sheet in doubt, and where they stand: its terminal is told.
ALTER TABLE permits ADD COLUMN found TEXT NOT NULL DEFAULT '';
ALTER TABLE permits ADD COLUMN found_at TEXT NOT NULL DEFAULT '';
