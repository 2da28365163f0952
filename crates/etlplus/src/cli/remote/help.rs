//! What `--help` says of the commands that talk to a server.

pub(super) const SUBMIT_HELP: &str = "\
The server runs the job; this command is done as soon as the job is recorded. The job's id goes to stdout. Relative
paths in the file start at the file's folder, which has to be there on the server.

Examples:
  etlplus submit orders.yaml
  etlplus submit orders.yaml --set country=DE --wait
  etlplus submit --pipeline orders --as-of 2026-01-31T00:00:00Z
  etlplus submit --pipeline orders --at 2026-01-31T22:00:00Z --priority 10 --timeout 2h
  etlplus submit --pipeline orders --key nightly-2026-01-31    again with the same key: the same job
  id=$(etlplus submit orders.yaml) && etlplus logs \"$id\" --follow

Where the answer is lost on the way, the job is submitted again under the same key, and so runs once.

With --wait --output json the job is printed twice: as it was accepted, and as it ended.

Exit codes: 0 accepted (with --wait: completed), 1 an error or mistakes in the file, 3 the job failed or was cancelled.";

pub(super) const JOBS_HELP: &str = "\
The latest are listed first.

Examples:
  etlplus jobs
  etlplus jobs --status RUNNING,PENDING
  etlplus jobs --pipeline orders --limit 5 --output json | jq -r '.jobs[].jobId'";

pub(super) const JOB_HELP: &str = "\
Status, step, times, counts, memory, processor, how it is treated by the queue and what it was given, its attempts where
there were several, why it failed and what to do, the rules that rows broke most often, and the last lines of its log.

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
Alerts and other notices are printed as they come. With an ID it ends when that job has ended. It goes on when the server
was restarted.

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
  etlplus rejects 01890a5d-ac96-774b-bcce-b302099a8057 --output json | jq -r '.rows[].raw'
  etlplus rejects inspect out/orders.csv.rejects.ndjson
  etlplus rejects replay orders.yaml orders.rejects.ndjson --dry-run";

pub(super) const PUT_HELP: &str = "\
The server keeps the file's text under the name in it, in place of the version that was there. Relative paths in the file
start at the file's folder, which has to be there on the server.

Examples:
  etlplus pipeline put orders.yaml
  etlplus submit --pipeline orders";

pub(super) const PAUSE_HELP: &str = "\
A running job stops between two batches, and goes on from there when `etlplus resume` lets it. No row is lost.

Examples:
  etlplus pause 01890a5d-ac96-774b-bcce-b302099a8057

Exit codes: 0 asked, 1 an error, or the job cannot be paused.";

pub(super) const RESUME_HELP: &str = "\
Examples:
  etlplus resume 01890a5d-ac96-774b-bcce-b302099a8057

Exit codes: 0 asked, 1 an error, or the job is not paused.";

pub(super) const RETRY_HELP: &str = "\
The same job gets another attempt, with the pipeline, parameters and run clock that it had. What was loaded by its earlier
attempts was nothing, so that no row is loaded twice.

Examples:
  etlplus retry 01890a5d-ac96-774b-bcce-b302099a8057 --wait

Exit codes: 0 asked (with --wait: completed), 1 an error, or the job cannot be tried again, 3 the job failed or was cancelled.";

pub(super) const SCHEDULES_HELP: &str = "\
The pipelines that are kept and have a `schedule`, with their next time and the last one that was seen to.

Examples:
  etlplus schedules
  etlplus schedules --output json | jq -r '.schedules[].nextAt'";

pub(super) const ALERTS_HELP: &str = "\
The latest are listed first, each with what became of it on its way to each channel. What to do about an alert, and each
try of a delivery, is in --output json.

Examples:
  etlplus alerts
  etlplus alerts --rule job_failed --status firing
  etlplus alerts channels
  etlplus alerts test ops";

pub(super) const CHANNEL_TEST_HELP: &str = "\
Examples:
  etlplus alerts test ops

Exit codes: 0 the channel took it, 1 it did not, or an error.";

pub(super) const STATUS_HELP: &str = "\
Examples:
  etlplus status
  etlplus status --server http://10.0.0.5:8080 --output json | jq -r .status

Exit codes: 0 all is well, 1 something does not work, or no answer.";

pub(super) const CONFIG_SHOW_HELP: &str = "\
Secrets are masked. The version counts the changes; `config set --if-version` takes it.

Examples:
  etlplus config show
  etlplus config show --origins
  etlplus config show --output json | jq .monitoring.websocket";

pub(super) const CONFIG_SET_HELP: &str = "\
The keys are those of the settings file, as paths with dots. The server checks the change as a whole, keeps it over what
the file says, and works by it at once; it says which keys wait for a restart. A change with a mistake changes nothing,
and every mistake is named. A list or a channel is set as a whole, in JSON. `KEY=` sets an empty text; to take a change
back, see `config unset`.

Examples:
  etlplus config set monitoring.websocket.max_connections=500
  etlplus config set monitoring.notifications.cpu_threshold=95 monitoring.job_tracking.log_streaming_enabled=false
  etlplus config set jobs.timeout=2h --if-version 7
  etlplus config set 'monitoring.notifications.channels.ops={\"type\":\"webhook\",\"url\":\"${OPS_URL}\"}'

Exit codes: 0 changed, 1 mistakes, another version, or an error.";

pub(super) const CONFIG_UNSET_HELP: &str = "\
Examples:
  etlplus config unset monitoring.websocket.max_connections jobs.timeout

Exit codes: 0 changed, 1 mistakes, another version, or an error.";

pub(super) const CONFIG_CHECK_HELP: &str = "\
Examples:
  etlplus config check etlplus.yaml

Exit codes: 0 no mistakes, 1 mistakes or no such file.";

pub(super) const CONNECTIONS_HELP: &str = "\
Who, since when, what they see, how many facts they are behind, and what was left out because they read slowly.

Examples:
  etlplus connections
  etlplus connections close 01890a5d-ac96-774b-bcce-b302099a8057
  etlplus connections message 01890a5d-ac96-774b-bcce-b302099a8057 \"The server restarts at noon\"";

pub(super) const MESSAGE_HELP: &str = "\
The page, `etlplus watch` and every other client of the live channel show it. It is recorded nowhere.

Examples:
  etlplus connections message 01890a5d-ac96-774b-bcce-b302099a8057 \"The server restarts at noon\" --severity warning";

pub(super) const TOKEN_CREATE_HELP: &str = "\
The token goes to stdout. The server keeps only a hash of it: what is lost cannot be shown again, only replaced.

Examples:
  etlplus token create grafana --role viewer
  export ETLPLUS_TOKEN=$(etlplus token create ci --role operator --expires 90d)
  etlplus token create rescue --role admin --data /var/lib/etlplus    where no token is left, while the server is down";

pub(super) const TOKEN_LIST_HELP: &str = "\
Examples:
  etlplus token list
  etlplus token list --data /var/lib/etlplus";

pub(super) const TOKEN_REVOKE_HELP: &str = "\
Connections that came with the token are closed within five seconds. A revoked token stays listed.

Examples:
  etlplus token revoke grafana";
