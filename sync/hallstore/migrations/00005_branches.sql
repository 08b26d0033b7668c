-- +goose Up
ALTER TABLE streams ADD COLUMN after INTEGER NOT NULL DEFAULT 0; -- the record of the former epoch that this one branched after
