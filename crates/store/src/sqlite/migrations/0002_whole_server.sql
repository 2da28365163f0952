-- What a server needs beside jobs and their words: policies, schedules, alerts on their way, settings, tokens, and an end
-- to what is kept. Times and JSON are as in the first step.

-- The log of facts. Whoever saw the fact at `oldest_offset` can go on from there: after it none is missing. The rules that
-- raise alerts have seen all facts up to `alerts_cursor`. The counts are kept, so that nobody has to count rows to know
-- whether there are too many.
ALTER TABLE meta ADD COLUMN oldest_offset INTEGER NOT NULL DEFAULT 0 CHECK (oldest_offset >= 0);
ALTER TABLE meta ADD COLUMN alerts_cursor INTEGER NOT NULL DEFAULT 0
    CHECK (alerts_cursor BETWEEN oldest_offset AND last_offset);
ALTER TABLE meta ADD COLUMN ended_jobs INTEGER NOT NULL DEFAULT 0 CHECK (ended_jobs >= 0);
ALTER TABLE meta ADD COLUMN lines INTEGER NOT NULL DEFAULT 0 CHECK (lines >= 0);
ALTER TABLE meta ADD COLUMN samples INTEGER NOT NULL DEFAULT 0 CHECK (samples >= 0);
-- What happened before there were alerts raises none.
UPDATE meta SET
    alerts_cursor = last_offset,
    ended_jobs = (SELECT count(*) FROM jobs WHERE finished_at IS NOT NULL),
    lines = (SELECT count(*) FROM log_lines),
    samples = (SELECT count(*) FROM samples);

-- A field that a policy does not name has its default.
ALTER TABLE jobs ADD COLUMN policy TEXT NOT NULL DEFAULT '{}' CHECK (json_type(policy) IS 'object');
ALTER TABLE jobs ADD COLUMN idempotency_key TEXT;
ALTER TABLE jobs ADD COLUMN idempotency_digest TEXT
    CHECK ((idempotency_digest IS NULL) = (idempotency_key IS NULL));
CREATE UNIQUE INDEX jobs_by_idempotency_key ON jobs (idempotency_key) WHERE idempotency_key IS NOT NULL;

-- For retention. Without its Z, a time in UTC sorts as text whatever the number of its digits.
CREATE INDEX jobs_by_end ON jobs (rtrim(finished_at, 'Z')) WHERE finished_at IS NOT NULL;
CREATE INDEX jobs_ended ON jobs (key) WHERE finished_at IS NOT NULL;
CREATE INDEX facts_by_job ON facts (job);
CREATE INDEX log_lines_by_time ON log_lines (at);
CREATE INDEX samples_by_time ON samples (at);

-- Two more kinds of facts, in the one sequence of offsets: alerts, and changes of settings.
CREATE TABLE alerts (
    offset INTEGER PRIMARY KEY CHECK (offset >= 1),
    fingerprint TEXT NOT NULL CHECK (length(fingerprint) = 32),
    body TEXT NOT NULL CHECK (json_type(body) IS 'object'),
    rule TEXT NOT NULL GENERATED ALWAYS AS (body ->> '$.rule') STORED,
    status TEXT NOT NULL GENERATED ALWAYS AS (body ->> '$.status') STORED,
    at TEXT NOT NULL GENERATED ALWAYS AS (rtrim(body ->> '$.at', 'Z')) STORED,
    job TEXT GENERATED ALWAYS AS (body ->> '$.job') STORED CHECK (length(job) = 36),
    CONSTRAINT known_status
        CHECK (status IN ('firing', 'resolved')),
    CONSTRAINT says_what_and_what_to_do
        CHECK (json_type(body, '$.message') IS 'text' AND json_type(body, '$.remedy') IS 'text')
) STRICT;

CREATE INDEX alerts_by_time ON alerts (at);
CREATE INDEX alerts_by_job ON alerts (job) WHERE job IS NOT NULL;

-- Of each fingerprint the last alert that was recorded, where it is firing.
CREATE TABLE firing_alerts (
    fingerprint TEXT PRIMARY KEY,
    alert INTEGER NOT NULL UNIQUE REFERENCES alerts (offset)
) STRICT, WITHOUT ROWID;

-- Alerts on their way to channels. `at` is when a waiting one is due, and when another one came to its end.
CREATE TABLE deliveries (
    alert INTEGER NOT NULL REFERENCES alerts (offset),
    channel TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('waiting', 'delivered', 'failed')),
    at INTEGER NOT NULL,
    reason TEXT,
    tries TEXT NOT NULL DEFAULT '[]' CHECK (json_type(tries) IS 'array'),
    tries_made INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (alert, channel),
    CONSTRAINT failed_has_its_reason
        CHECK ((state = 'failed') = (reason IS NOT NULL)),
    CONSTRAINT kept_tries_were_made
        CHECK (json_array_length(tries) <= tries_made)
) STRICT, WITHOUT ROWID;

CREATE INDEX deliveries_waiting ON deliveries (channel, alert) WHERE state = 'waiting';

CREATE TABLE settings_changes (
    offset INTEGER PRIMARY KEY CHECK (offset >= 1),
    body TEXT NOT NULL CHECK (json_type(body) IS 'object'),
    version INTEGER NOT NULL GENERATED ALWAYS AS (body ->> '$.version') STORED UNIQUE CHECK (version >= 1),
    CONSTRAINT somebody_changed_them
        CHECK (json_type(body, '$.by') IS 'text' AND json_type(body, '$.keys') IS 'array')
) STRICT;

-- All that was changed, laid over what is given at the start. The text comes from outside, and need not be JSON.
CREATE TABLE settings (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    version INTEGER NOT NULL CHECK (version >= 1),
    overlay TEXT NOT NULL CHECK (CASE WHEN json_valid(overlay) THEN json_type(overlay) IS 'object' ELSE FALSE END)
) STRICT;

-- How far the schedule of each pipeline was followed.
CREATE TABLE schedule_marks (
    pipeline TEXT PRIMARY KEY,
    at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Tokens, without their secrets: `hash` is the SHA-256 of one.
CREATE TABLE tokens (
    id TEXT PRIMARY KEY CHECK (length(id) = 36),
    name TEXT NOT NULL,
    role TEXT NOT NULL CHECK (role IN ('viewer', 'operator', 'admin')),
    hash BLOB NOT NULL UNIQUE CHECK (length(hash) = 32),
    created_at INTEGER NOT NULL,
    expires_at INTEGER,
    revoked_at INTEGER
) STRICT;

CREATE UNIQUE INDEX tokens_by_name ON tokens (name) WHERE revoked_at IS NULL;
CREATE INDEX tokens_revoked ON tokens (revoked_at) WHERE revoked_at IS NOT NULL;

PRAGMA user_version = 2;
