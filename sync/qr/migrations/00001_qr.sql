-- +goose Up
CREATE TABLE qr_order (
  out_trade_no   TEXT PRIMARY KEY,
  case_id        TEXT NOT NULL,
  terminal       TEXT NOT NULL,
  amount_fen     INTEGER NOT NULL,
  mode           TEXT NOT NULL,              -- show, scan, never (closed before it was placed)
  description    TEXT NOT NULL,
  placed_at      INTEGER NOT NULL,           -- times are milliseconds since 1970
  expires_at     INTEGER NOT NULL,
  call_until     INTEGER NOT NULL,           -- when the call that places the order is surely over
  state          TEXT NOT NULL,
  definite       INTEGER NOT NULL,
  leaving        INTEGER NOT NULL DEFAULT 0, -- somebody asked for a definite end
  reason         TEXT NOT NULL DEFAULT '',
  code_url       TEXT NOT NULL DEFAULT '',
  transaction_id TEXT NOT NULL DEFAULT '',
  paid_fen       INTEGER NOT NULL DEFAULT 0,
  late           INTEGER NOT NULL DEFAULT 0, -- 0 no, 1 paid after the end, 2 kept all the same, 3 goes back
  missing        INTEGER NOT NULL DEFAULT 0, -- how often the gateway said that it has no such order
  tries          INTEGER NOT NULL DEFAULT 0, -- calls in a row without a usable answer
  watch          INTEGER NOT NULL DEFAULT 0, -- looks after the end
  next_at        INTEGER NOT NULL            -- when it is asked next; 0 never
);
CREATE INDEX qr_order_next ON qr_order (next_at) WHERE next_at > 0;
CREATE INDEX qr_order_case ON qr_order (case_id);
CREATE TABLE qr_refund (
  out_refund_no TEXT PRIMARY KEY,
  out_trade_no  TEXT NOT NULL REFERENCES qr_order (out_trade_no),
  amount_fen    INTEGER NOT NULL,
  wire          INTEGER NOT NULL DEFAULT 1,  -- a refund that the gateway closed is made anew under the next number
  status        TEXT NOT NULL,               -- begun, processing, abnormal, success
  reason        TEXT NOT NULL DEFAULT '',
  tries         INTEGER NOT NULL DEFAULT 0,
  begun_at      INTEGER NOT NULL,
  next_at       INTEGER NOT NULL
);
CREATE INDEX qr_refund_next ON qr_refund (next_at) WHERE next_at > 0;
CREATE INDEX qr_refund_order ON qr_refund (out_trade_no);
