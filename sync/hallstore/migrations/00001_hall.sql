-- +goose Up
CREATE TABLE meta (
  key   TEXT PRIMARY KEY,
  value TEXT NOT NULL
) STRICT;

CREATE TABLE terminals (
  id       TEXT PRIMARY KEY,
  enrolled TEXT NOT NULL,
  revoked  INTEGER NOT NULL DEFAULT 0,
  floor    INTEGER NOT NULL DEFAULT 0, -- certificates from before this unix second are replaced
  epoch    TEXT NOT NULL DEFAULT '', -- of its last push
  seen     TEXT NOT NULL DEFAULT '',
  health   TEXT NOT NULL DEFAULT '{}'
) STRICT;

CREATE TABLE enrol_codes (
  hash     TEXT PRIMARY KEY, -- SHA-256 of the code: who reads this table cannot enrol
  terminal TEXT NOT NULL,
  expires  INTEGER NOT NULL, -- unix seconds
  used_by  TEXT NOT NULL DEFAULT '' -- SHA-256 of the public key that it was redeemed for
) STRICT;

-- One row for each journal. head is the last record whose chain holds; acked is the last one that was
-- taken in at all, in quarantine too; processed is the last one whose consequences were drawn.
CREATE TABLE streams (
  terminal  TEXT NOT NULL,
  epoch     TEXT NOT NULL,
  first     TEXT NOT NULL,
  head      INTEGER NOT NULL DEFAULT 0,
  hash      TEXT NOT NULL,
  acked     INTEGER NOT NULL DEFAULT 0,
  processed INTEGER NOT NULL DEFAULT 0,
  chain     TEXT NOT NULL DEFAULT 'ok',
  PRIMARY KEY (terminal, epoch)
) STRICT, WITHOUT ROWID;

CREATE TABLE records (
  terminal TEXT NOT NULL,
  epoch    TEXT NOT NULL,
  seq      INTEGER NOT NULL,
  time     TEXT NOT NULL,
  quality  TEXT NOT NULL,
  case_id  TEXT NOT NULL,
  kind     TEXT NOT NULL,
  header   BLOB NOT NULL,
  sealed   BLOB,
  seal_sum TEXT NOT NULL,
  prev     TEXT NOT NULL,
  hash     TEXT NOT NULL,
  received TEXT NOT NULL,
  PRIMARY KEY (terminal, epoch, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE quarantine (
  id       INTEGER PRIMARY KEY,
  terminal TEXT NOT NULL,
  epoch    TEXT NOT NULL,
  seq      INTEGER NOT NULL,
  hash     TEXT NOT NULL,
  why      TEXT NOT NULL,
  record   BLOB NOT NULL, -- the whole record as it came, protobuf
  received TEXT NOT NULL,
  UNIQUE (terminal, epoch, seq, hash)
) STRICT;

-- What a record said that cannot be: a person looks at it. The record itself stays where it is.
CREATE TABLE problems (
  id       INTEGER PRIMARY KEY,
  terminal TEXT NOT NULL,
  epoch    TEXT NOT NULL,
  seq      INTEGER NOT NULL,
  kind     TEXT NOT NULL,
  what     TEXT NOT NULL,
  time     TEXT NOT NULL
) STRICT;

CREATE TABLE notices (
  terminal TEXT NOT NULL,
  seq      INTEGER NOT NULL,
  kind     TEXT NOT NULL,
  case_id  TEXT NOT NULL,
  json     BLOB NOT NULL,
  PRIMARY KEY (terminal, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE catalogs (
  version   INTEGER PRIMARY KEY,
  document  BLOB NOT NULL,
  signature BLOB NOT NULL,
  published TEXT NOT NULL
) STRICT;

CREATE TABLE cases (
  case_id   TEXT PRIMARY KEY,
  terminal  TEXT NOT NULL,
  visit     TEXT NOT NULL DEFAULT '',
  service   TEXT NOT NULL,
  opened    TEXT NOT NULL,
  submitted TEXT NOT NULL DEFAULT '',
  form      BLOB,                     -- casefile.FormSecret as JSON
  number    TEXT NOT NULL DEFAULT '', -- of the card, for "my cases"
  name      TEXT NOT NULL DEFAULT '',
  division  TEXT NOT NULL DEFAULT '',
  name_key  TEXT,                     -- the trade name as it is compared; NULL when it is free again
  state     TEXT NOT NULL DEFAULT '', -- submitted waiting approved refused printed
  code      TEXT NOT NULL DEFAULT '',
  reason_zh TEXT NOT NULL DEFAULT '',
  reason_en TEXT NOT NULL DEFAULT '',
  channel   TEXT NOT NULL DEFAULT '', -- rule, person
  decided   TEXT NOT NULL DEFAULT '',
  stars     INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX cases_number ON cases (number) WHERE number <> '';
CREATE UNIQUE INDEX cases_name ON cases (division, name_key) WHERE name_key IS NOT NULL;

CREATE TABLE licenses (
  number  TEXT PRIMARY KEY,
  case_id TEXT NOT NULL UNIQUE,
  facts   BLOB NOT NULL -- license.Facts without form and serial
) STRICT;

-- One row for each permit. live: open, printed or doubtful; there is at most one live row for each form.
CREATE TABLE permits (
  id       TEXT PRIMARY KEY,
  case_id  TEXT NOT NULL,
  form     TEXT NOT NULL,
  terminal TEXT NOT NULL,
  epoch    TEXT NOT NULL,
  serial   TEXT NOT NULL,
  state    TEXT NOT NULL, -- open printed failed spoiled doubtful unused
  begun    INTEGER NOT NULL DEFAULT 0, -- the terminal has said that it prints
  granted  TEXT NOT NULL,
  ended    TEXT NOT NULL DEFAULT '',
  code     TEXT NOT NULL,
  facts    BLOB NOT NULL
) STRICT;
CREATE INDEX permits_case ON permits (case_id, form);
CREATE UNIQUE INDEX permits_live ON permits (case_id, form) WHERE state IN ('open', 'printed', 'doubtful');
CREATE UNIQUE INDEX permits_serial ON permits (form, serial) WHERE state IN ('open', 'printed', 'doubtful', 'spoiled');

CREATE TABLE payments (
  case_id  TEXT PRIMARY KEY,
  terminal TEXT NOT NULL,
  service  TEXT NOT NULL,
  biller   TEXT NOT NULL DEFAULT '',
  account  TEXT NOT NULL DEFAULT '',
  periods  TEXT NOT NULL DEFAULT '[]',
  due      INTEGER NOT NULL DEFAULT 0,
  stacked  INTEGER NOT NULL DEFAULT 0,
  doubtful INTEGER NOT NULL DEFAULT 0,
  bill     INTEGER NOT NULL DEFAULT 0,
  extra    INTEGER NOT NULL DEFAULT 0,
  owed     INTEGER NOT NULL DEFAULT 0, -- all that became owed
  settled  INTEGER NOT NULL DEFAULT 0,
  refusal  TEXT NOT NULL DEFAULT '',   -- what became of a refused posting at the terminal: owed, refunded
  time     TEXT NOT NULL
) STRICT;

-- One posting for each case, under the case's number. asked counts the calls, each counted before it
-- is made.
CREATE TABLE postings (
  reference TEXT PRIMARY KEY,
  case_id   TEXT NOT NULL,
  amount    INTEGER NOT NULL,
  state     TEXT NOT NULL, -- due posted refused
  asked     INTEGER NOT NULL DEFAULT 0,
  next      INTEGER NOT NULL DEFAULT 0, -- unix milliseconds
  posted    INTEGER NOT NULL DEFAULT 0,
  reason    TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE INDEX postings_due ON postings (next) WHERE state = 'due';

-- Attempts to be paid by phone, as the journals tell of them; the order itself is the order machine's.
CREATE TABLE attempts (
  attempt  TEXT PRIMARY KEY,
  case_id  TEXT NOT NULL,
  terminal TEXT NOT NULL,
  amount   INTEGER NOT NULL,
  state    TEXT NOT NULL, -- begun paid closed refunded
  refund   TEXT NOT NULL DEFAULT '', -- '' none, due, done
  refunded INTEGER NOT NULL DEFAULT 0, -- how much goes back
  why      TEXT NOT NULL DEFAULT '',
  ended    INTEGER NOT NULL DEFAULT 0, -- the visit is over and no journal counts on this order
  next     INTEGER NOT NULL DEFAULT 0  -- unix milliseconds: when it is looked at again
) STRICT;
CREATE INDEX attempts_case ON attempts (case_id);
CREATE INDEX attempts_due ON attempts (next) WHERE ended = 1 OR refund = 'due';

CREATE TABLE owed (
  id       TEXT PRIMARY KEY,
  case_id  TEXT NOT NULL,
  terminal TEXT NOT NULL,
  note     INTEGER NOT NULL DEFAULT 0, -- of a doubtful note
  amount   INTEGER NOT NULL,
  claim    TEXT NOT NULL,
  state    TEXT NOT NULL, -- doubtful open paid void
  since    TEXT NOT NULL,
  paid_at  TEXT NOT NULL DEFAULT '',
  paid_by  TEXT NOT NULL DEFAULT '', -- the terminal that pays out
  reported INTEGER NOT NULL DEFAULT 0, -- its journal has said so
  reason   TEXT NOT NULL DEFAULT '',
  who      TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE INDEX owed_case ON owed (case_id);

-- Codes of slips that were replaced by another slip.
CREATE TABLE dead_claims (
  owed  TEXT NOT NULL,
  claim TEXT NOT NULL,
  PRIMARY KEY (owed, claim)
) STRICT, WITHOUT ROWID;
