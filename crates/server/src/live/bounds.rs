//! The limits of the live channel, each with its reason.

use std::time::Duration;

/// Under load a flush is this long after the one before: long enough that a write carries many frames, and too short
/// for a person to notice.
pub(super) const FLUSH_TICK: Duration = Duration::from_millis(10);
/// Groups' buffers are flushed before the tick when they hold so many bytes together, so that a burst does not pile up.
pub(super) const PENDING_BYTES_MAX: usize = 4 << 20;
/// A client that is behind by more bytes is slow, and is closed unless it reads.
pub(super) const BEHIND_BYTES_SOFT: usize = 4 << 20;
/// A client that is behind by more bytes is closed at once, however fast it reads: more than a burst of 100,000 log lines.
/// Its newest snapshot does not count: that is as large as there are jobs, and a client that reads must be able to get it.
pub(super) const BEHIND_BYTES_MAX: usize = 32 << 20;
/// How long a slow client's socket may take no byte.
pub(super) const SLOW_AFTER: Duration = Duration::from_secs(5);
/// How often connections are looked at for being slow or gone.
pub(super) const SWEEP_INTERVAL: Duration = Duration::from_secs(1);
/// Bytes of all groups' buffers that some connection still has to send. Beyond it the furthest behind are closed.
pub(super) const BUFFER_BYTES_MAX: usize = 256 << 20;
/// Bytes of one write to a socket, so that the lock on the outbox is held for a short time.
pub(super) const WRITE_BYTES_MAX: usize = 256 << 10;
/// Slices of one write.
pub(super) const WRITE_SLICES_MAX: usize = 16;
/// A client's messages are not read while so many bytes wait for it: what it asks for must not pile up unread.
pub(super) const READ_PAUSE_BYTES: usize = 64 << 10;
/// Bytes that are read from one client before others have their turn.
pub(super) const READ_TURN_BYTES: usize = 64 << 10;
/// The largest message of a client: a filter of a thousand job ids is 40 KB.
pub(super) const MESSAGE_BYTES_MAX: usize = 64 << 10;
/// Bytes of frames that may come without making a message whole: the largest message in fragments of a single byte. Without it,
/// empty fragments could come without end.
pub(super) const UNFINISHED_BYTES_MAX: usize = 8 * MESSAGE_BYTES_MAX;
/// The codec's buffer, which every connection has: clients send little.
pub(super) const READ_BUFFER_BYTES: usize = 2 << 10;
/// After so many messages that mean nothing a connection is closed.
pub(super) const BAD_MESSAGES_MAX: u32 = 10;
/// Messages of a client per second, over time.
pub(super) const MESSAGES_PER_SECOND: f64 = 50.0;
/// Messages of a client that may come at once.
pub(super) const MESSAGES_BURST: f64 = 100.0;
/// The most characters of a message's `id`.
pub(super) const MESSAGE_ID_CHARS_MAX: usize = 200;
/// Clauses of a filter.
pub(super) const FILTER_CLAUSES_MAX: usize = 32;
/// Values of one list in a clause.
pub(super) const FILTER_VALUES_MAX: usize = 1000;
/// Bytes of JSON of one part of a snapshot: libraries take messages of 1 MiB unless they are told otherwise, and a part
/// is what a client has to parse before it can do anything else. A job that is larger comes alone.
pub(super) const SNAPSHOT_PART_BYTES_MAX: usize = 512 << 10;
/// Bytes of text of one job's lines in a snapshot: a hundred of usual length are 20 KB.
pub(super) const JOB_LOG_BYTES_MAX: usize = 64 << 10;
/// Bytes of text of all lines in a snapshot: beside ten thousand jobs, lines must not be most of what there is to send.
pub(super) const SNAPSHOT_LOG_BYTES_MAX: usize = 8 << 20;
/// How long a connection that is being closed may take to read the last bytes and to hang up.
pub(super) const CLOSE_WAIT: Duration = Duration::from_secs(5);
/// Pings without an answer after which a client is taken for gone.
pub(super) const MISSED_PONGS_MAX: u32 = 2;
/// Requests to the hub that wait: each is small, and who asks waits for room.
pub(super) const COMMANDS_MAX: usize = 1024;
/// How long somebody waits for the hub. Beyond it the live view is taken for down, and the store answers.
pub(super) const ANSWER_WAIT: Duration = Duration::from_secs(2);
/// How long after a failed try the hub asks the store again.
pub(super) const RETRY_AFTER: Duration = Duration::from_secs(1);
/// Bytes of missed facts that are put into a client's outbox at once. So much, and half of it that waited, is what a client
/// that catches up costs, however far it is behind: a thousand of them are 100 MB.
pub(super) const REPLAY_PIECE_BYTES: usize = 64 << 10;
/// More missed facts follow once no more bytes than these wait for the client.
pub(super) const REPLAY_WAITING_BYTES: usize = REPLAY_PIECE_BYTES / 2;
/// Facts of one page of the store. How many of them fill a piece is learnt on the way.
pub(super) const REPLAY_PAGE_FACTS: std::ops::RangeInclusive<usize> = 16..=1024;
/// Pages that are read at once, over all clients: two of the store's connections that read, so that others have two.
pub(super) const REPLAY_READS_MAX: usize = 2;
/// A client that is behind by no more facts joins its group, and is told the rest while what the group is told waits.
pub(super) const REPLAY_JOIN_FACTS: u64 = 1024;
/// Moves of a job that are looked through for its status at a place. None has nearly as many.
pub(super) const REPLAY_MOVES_MAX: usize = 1000;
/// How long a client may take to say who it is, and then what it wants to be told, where it has promised to.
pub(super) const GREETING_WAIT: Duration = Duration::from_secs(10);
/// Clients that have not said yet who they are: for ten seconds each, enough for six of them in each second.
pub(super) const UNAUTHENTICATED_MAX: usize = 64;
