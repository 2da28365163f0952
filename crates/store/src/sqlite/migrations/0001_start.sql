-- Times are nanoseconds since 1970, in UTC, so that what is read is exactly what was recorded. JSON is that of the core's
-- types. A column that is derived from JSON cannot say anything else than the JSON does.

-- The log of facts: its life, and the last offset that was given.
CREATE TABLE meta (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    epoch TEXT NOT NULL CHECK (length(epoch) = 36),
    last_offset INTEGER NOT NULL CHECK (last_offset >= 0)
) STRICT;

-- `key` stands for the job in the other tables: a log line is about as long as a UUID.
CREATE TABLE jobs (
    key INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE CHECK (length(id) = 36),
    pipeline TEXT NOT NULL,
    job_type TEXT NOT NULL CHECK (job_type IN ('FULL_ETL', 'EXTRACT', 'TRANSFORM', 'LOAD')),
    tags TEXT NOT NULL CHECK (json_type(tags) IS 'array'),
    submitted_at INTEGER NOT NULL,
    definition TEXT NOT NULL CHECK (json_type(definition) IS 'object'),
    report TEXT CHECK (report IS NULL OR json_type(report) IS 'object'),
    state TEXT NOT NULL CHECK (json_type(state) IS 'object'),
    status TEXT NOT NULL GENERATED ALWAYS AS (state ->> '$.status') STORED,
    attempt INTEGER NOT NULL GENERATED ALWAYS AS (state ->> '$.attempt') STORED CHECK (attempt >= 1),
    since TEXT NOT NULL GENERATED ALWAYS AS (coalesce(state ->> '$.since', state ->> '$.finishedAt')) VIRTUAL,
    finished_at TEXT GENERATED ALWAYS AS (state ->> '$.finishedAt') VIRTUAL,
    failure TEXT GENERATED ALWAYS AS (
        coalesce(
            state ->> '$.failure.message', state ->> '$.wait.failure.message',
            state ->> '$.stop.failure.message', state ->> '$.runner.failure.message'
        )
    ) VIRTUAL,
    -- IS and IS NOT give no NULL, which a CHECK would let through.
    CONSTRAINT known_status
        CHECK (status IN ('PENDING', 'RUNNING', 'PAUSED', 'COMPLETED', 'FAILED', 'CANCELLED')),
    CONSTRAINT finished_has_its_time
        CHECK ((status IN ('COMPLETED', 'FAILED', 'CANCELLED')) = (finished_at IS NOT NULL)),
    CONSTRAINT begun_has_its_time
        CHECK (status NOT IN ('RUNNING', 'PAUSED', 'COMPLETED') OR state ->> '$.startedAt' IS NOT NULL),
    CONSTRAINT completed_has_its_counts
        CHECK (status <> 'COMPLETED' OR json_type(state, '$.progress') IS 'object'),
    CONSTRAINT failed_has_its_failure
        CHECK (status <> 'FAILED' OR (failure IS NOT NULL AND state ->> '$.run.startedAt' IS NOT NULL)),
    CONSTRAINT pending_waits_for_something
        CHECK (
            status <> 'PENDING'
            OR state ->> '$.wait.for' IS 'slot'
            OR (state ->> '$.wait.for' IS 'delay' AND state ->> '$.wait.notBefore' IS NOT NULL)
            OR (
                state ->> '$.wait.for' IS 'retry' AND state ->> '$.wait.retryAt' IS NOT NULL
                AND failure IS NOT NULL AND attempt >= 2
            )
        ),
    CONSTRAINT stopping_has_its_reason
        CHECK (
            status <> 'RUNNING'
            OR state ->> '$.stop' IS NULL
            OR state ->> '$.stop.why' IS 'cancel'
            OR (state ->> '$.stop.why' IS 'abort' AND failure IS NOT NULL)
        ),
    CONSTRAINT paused_has_its_runner
        CHECK (
            status <> 'PAUSED'
            OR state ->> '$.runner.state' IS 'waiting'
            OR state ->> '$.runner.state' IS 'stopping'
            OR (state ->> '$.runner.state' IS 'gone' AND failure IS NOT NULL)
        )
) STRICT;

CREATE INDEX jobs_by_pipeline ON jobs (pipeline, id);
CREATE INDEX jobs_by_status ON jobs (status, id);
CREATE INDEX jobs_by_submission ON jobs (submitted_at);
CREATE INDEX jobs_active ON jobs (id) WHERE status IN ('PENDING', 'RUNNING', 'PAUSED');

-- How much of an attempt's spool file its lines in log_lines hold.
CREATE TABLE attempts (
    job INTEGER NOT NULL REFERENCES jobs (key),
    attempt INTEGER NOT NULL CHECK (attempt >= 1),
    spool_bytes INTEGER NOT NULL CHECK (spool_bytes >= 0),
    PRIMARY KEY (job, attempt)
) STRICT, WITHOUT ROWID;

-- The two kinds of facts. They share one sequence of offsets, which has no holes.
CREATE TABLE facts (
    offset INTEGER PRIMARY KEY CHECK (offset >= 1),
    job INTEGER NOT NULL REFERENCES jobs (key),
    body TEXT NOT NULL CHECK (json_type(body) IS 'object'),
    CONSTRAINT known_status
        CHECK (
            coalesce(body ->> '$.state.status', '')
            IN ('PENDING', 'RUNNING', 'PAUSED', 'COMPLETED', 'FAILED', 'CANCELLED')
        ),
    CONSTRAINT only_the_first_comes_from_nothing
        CHECK ((body ->> '$.cause' IS 'submit') = (body ->> '$.from' IS NULL))
) STRICT;

CREATE TABLE log_lines (
    offset INTEGER PRIMARY KEY CHECK (offset >= 1),
    job INTEGER NOT NULL REFERENCES jobs (key),
    attempt INTEGER NOT NULL CHECK (attempt >= 1),
    line INTEGER NOT NULL CHECK (line >= 1),
    at INTEGER NOT NULL,
    level INTEGER NOT NULL CHECK (level BETWEEN 0 AND 3), -- DEBUG, INFO, WARN, ERROR
    message TEXT NOT NULL
) STRICT;

-- The offset is the row's number, which every index ends with.
CREATE INDEX log_lines_by_job ON log_lines (job);

CREATE TABLE samples (
    job INTEGER NOT NULL REFERENCES jobs (key),
    number INTEGER NOT NULL CHECK (number >= 1),
    attempt INTEGER NOT NULL CHECK (attempt >= 1),
    at INTEGER NOT NULL,
    progress TEXT NOT NULL CHECK (json_type(progress) IS 'object'),
    rows_per_second REAL,
    cores REAL,
    PRIMARY KEY (job, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE pipelines (
    name TEXT PRIMARY KEY,
    version INTEGER NOT NULL CHECK (version >= 1),
    definition TEXT NOT NULL,
    folder TEXT NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

PRAGMA user_version = 1;
