-- +goose Up
ALTER TABLE permits ADD COLUMN reason TEXT NOT NULL DEFAULT ''; -- why a person ended it
