-- Log lines say what the job was doing, and what they say in parts. Those that are many or old are sealed: some thousand of
-- one attempt in one row, compressed. Times and JSON are as in the first step.

ALTER TABLE log_lines ADD COLUMN step TEXT;
-- NULL for none, which most lines have.
ALTER TABLE log_lines ADD COLUMN fields TEXT CHECK (fields IS NULL OR json_type(fields) IS 'object');

-- What of an attempt is still in log_lines: how many lines, how many bytes of text, and when the last of all was said;
-- and that one's number.
ALTER TABLE attempts ADD COLUMN last_line INTEGER NOT NULL DEFAULT 0 CHECK (last_line >= 0);
ALTER TABLE attempts ADD COLUMN open_lines INTEGER NOT NULL DEFAULT 0 CHECK (open_lines >= 0);
ALTER TABLE attempts ADD COLUMN open_bytes INTEGER NOT NULL DEFAULT 0 CHECK (open_bytes >= 0);
ALTER TABLE attempts ADD COLUMN said_at INTEGER NOT NULL DEFAULT 0;
UPDATE attempts SET (last_line, open_lines, open_bytes, said_at) = (
    SELECT coalesce(max(line), 0), count(*), coalesce(sum(octet_length(message)), 0), coalesce(max(at), 0)
    FROM log_lines WHERE log_lines.job = attempts.job AND log_lines.attempt = attempts.attempt
);
CREATE INDEX attempts_open ON attempts (said_at) WHERE open_lines > 0;

-- Lines of one attempt, in their order. The offsets between the first and the last belong to other facts as well.
CREATE TABLE log_chunks (
    first_offset INTEGER PRIMARY KEY CHECK (first_offset >= 1),
    last_offset INTEGER NOT NULL CHECK (last_offset >= first_offset),
    job INTEGER NOT NULL REFERENCES jobs (key),
    attempt INTEGER NOT NULL CHECK (attempt >= 1),
    lines INTEGER NOT NULL CHECK (lines >= 1),
    first_line INTEGER NOT NULL CHECK (first_line >= 1),
    last_line INTEGER NOT NULL CHECK (last_line >= 1),
    first_at INTEGER NOT NULL, -- the earliest time, and the latest
    last_at INTEGER NOT NULL CHECK (last_at >= first_at),
    levels INTEGER NOT NULL CHECK (levels BETWEEN 1 AND 15), -- a bit for each level that there is: DEBUG is 1, ERROR is 8
    bytes INTEGER NOT NULL CHECK (bytes >= 1), -- what the three below take
    trigrams BLOB NOT NULL, -- which three bytes may follow one another in the messages
    heads BLOB NOT NULL,
    texts BLOB NOT NULL
) STRICT;

CREATE INDEX log_chunks_by_job ON log_chunks (job, first_offset, last_offset, bytes);
CREATE INDEX log_chunks_by_end ON log_chunks (last_offset, first_offset);
CREATE INDEX log_chunks_by_time ON log_chunks (last_at);

-- The bytes of all chunks together.
ALTER TABLE meta ADD COLUMN log_bytes INTEGER NOT NULL DEFAULT 0 CHECK (log_bytes >= 0);

PRAGMA user_version = 3;
