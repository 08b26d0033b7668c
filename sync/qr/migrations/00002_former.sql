-- +goose Up
-- A former life of the hall may have had it paid and given back: nothing is closed or reversed before the gateway has said how it stands.
ALTER TABLE qr_order ADD COLUMN former INTEGER NOT NULL DEFAULT 0;
