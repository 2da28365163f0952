//! What `--help` says of the commands that talk to a server.

pub(super) const SUBMIT_HELP: &str = "\
The server runs the job; this command is done as soon as the job is recorded. The job's id goes to stdout. Relative
paths in the file start at the file's folder, which has to be there on the server.

Examples:
  etlplus submit orders.yaml
  etlplus submit orders.yaml --set country=DE --wait
  etlplus submit --pipeline orders --as-of 2026-01-31T00:00:00Z
  id=$(etlplus submit orders.yaml) && etlplus logs \"$id\" --follow

With --wait --output json the job is printed twice: as it was accepted, and as it ended.

Exit codes: 0 accepted (with --wait: completed), 1 an error or mistakes in the file, 3 the job failed or was cancelled.";

pub(super) const JOBS_HELP: &str = "\
The latest are listed first.

Examples:
  etlplus jobs
  etlplus jobs --status RUNNING,PENDING
  etlplus jobs --pipeline orders --limit 5 --output json | jq -r '.jobs[].jobId'";

pub(super) const JOB_HELP: &str = "\
Status, step, times, counts, memory, processor, why it failed and what to do, the rules that rows broke most often, and
the last lines of its log.

Examples:
  etlplus job 01890a5d-ac96-774b-bcce-b302099a8057
  etlplus job 01890a5d-ac96-774b-bcce-b302099a8057 --output json | jq .metrics";

pub(super) const WAIT_HELP: &str = "\
Examples:
  etlplus wait 01890a5d-ac96-774b-bcce-b302099a8057
  etlplus wait 01890a5d-ac96-774b-bcce-b302099a8057 --timeout 10m

Exit codes: 0 completed, 1 an error, or it has not ended in time, 3 the job failed or was cancelled.";

pub(super) const LOGS_HELP: &str = "\
Examples:
  etlplus logs 01890a5d-ac96-774b-bcce-b302099a8057
  etlplus logs 01890a5d-ac96-774b-bcce-b302099a8057 --level warn
  etlplus logs 01890a5d-ac96-774b-bcce-b302099a8057 --tail 20 --follow";

pub(super) const WATCH_HELP: &str = "\
At a terminal, a line for each active job is kept up to date; elsewhere, a line is printed when a job's status changes.
With an ID it ends when that job has ended. It goes on when the server was restarted.

Examples:
  etlplus watch
  etlplus watch --pipeline orders
  etlplus watch 01890a5d-ac96-774b-bcce-b302099a8057
  etlplus watch --output json | jq -r .type        the frames of the live channel, one in a line

Exit codes, with an ID: 0 completed, 1 an error, 3 the job failed or was cancelled.";

pub(super) const CANCEL_HELP: &str = "\
A running job stops between two batches; its target stays as it was.

Examples:
  etlplus cancel 01890a5d-ac96-774b-bcce-b302099a8057
  etlplus cancel 01890a5d-ac96-774b-bcce-b302099a8057 --wait

Exit codes: 0 asked to stop (with --wait: cancelled), 1 an error, or it had ended before, 3 it ended in another way.";

pub(super) const REJECTS_HELP: &str = "\
The rows themselves are there once the job has ended; before that, how often each rule was broken.

Examples:
  etlplus rejects 01890a5d-ac96-774b-bcce-b302099a8057 --limit 20
  etlplus rejects 01890a5d-ac96-774b-bcce-b302099a8057 --output json | jq -r '.rows[].raw'";

pub(super) const PUT_HELP: &str = "\
The server keeps the file's text under the name in it, in place of the version that was there. Relative paths in the file
start at the file's folder, which has to be there on the server.

Examples:
  etlplus pipeline put orders.yaml
  etlplus submit --pipeline orders";
