"use strict";
// The live page: what the server says over /ws, as it says it. All of it is put into the page as text, never as markup.

const ENDED_SHOWN = 20;
const LINES_SHOWN = 500;
const RETRY_FIRST_MS = 500;
const RETRY_LONGEST_MS = 15_000;
const ENDED = new Set(["COMPLETED", "FAILED", "CANCELLED"]);

/** Jobs by id, each as the server's JobMonitoringData, with what came since laid over it. */
const jobs = new Map();
/** The job whose log is shown, and whether a person chose it. */
let selected = null;
let isChosen = false;
/** The lines shown for the selected job, by attempt and number: the same line can come with a page and live. */
let lines = new Map();
let retryMs = RETRY_FIRST_MS;
let isDrawn = true;

const byId = (id) => document.getElementById(id);

function element(name, { text, ...attributes } = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text !== undefined) made.textContent = text;
  made.append(...children);
  return made;
}

// ---- What is heard

const hear = {
  snapshot({ jobs: active }) {
    const isActive = new Set(active.map((job) => job.jobId));
    for (const [id, job] of jobs) if (!ENDED.has(job.status) && !isActive.has(id)) jobs.delete(id);
    for (const job of active) jobs.set(job.jobId, job);
    const logs = active.find((job) => job.jobId === selected)?.recentLogs ?? [];
    logs.forEach(keepLine);
    loadEnded();
  },
  job_status_update(update) {
    const before = jobs.get(update.jobId) ?? { rejects: [] };
    const metrics = update.metrics ?? before.metrics ?? {};
    jobs.set(update.jobId, { ...before, ...update, metrics, eta: null });
    if (update.status === "RUNNING" && !isChosen) select(update.jobId);
    if (ENDED.has(update.status)) loadJob(update.jobId);
    dropOldest();
  },
  job_progress_update(update) { layOver(update.jobId, update); },
  job_metrics_update(update) { layOver(update.jobId, { metrics: update.metrics }); },
  job_log_message(line) { if (line.jobId === selected) keepLine(line); },
};

function layOver(id, change) {
  const job = jobs.get(id);
  // A reading of a job that has ended is older than its end.
  if (job && !ENDED.has(job.status)) jobs.set(id, { ...job, ...change });
}

function dropOldest() {
  const ended = [...jobs.values()].filter((job) => ENDED.has(job.status)).sort(byAge);
  for (const job of ended.slice(ENDED_SHOWN)) if (job.jobId !== selected) jobs.delete(job.jobId);
}

function keepLine(line) {
  lines.set(`${line.attempt}.${line.line}`, line);
}

async function get(path) {
  const answer = await fetch(path, { headers: { accept: "application/json" } });
  if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
  return answer.json();
}

async function loadEnded() {
  const page = await get(`/api/monitor/jobs?limit=${ENDED_SHOWN}&status=COMPLETED,FAILED,CANCELLED`);
  for (const job of page.jobs) if (!jobs.has(job.jobId) || ENDED.has(job.status)) jobs.set(job.jobId, job);
  draw();
}

async function loadJob(id) {
  const job = await get(`/api/jobs/${id}/status`);
  // It may have been tried again in between.
  if (ENDED.has(jobs.get(id)?.status)) jobs.set(id, job);
  draw();
}

async function select(id) {
  if (selected === id) return;
  selected = id;
  lines = new Map();
  draw();
  const page = await get(`/api/jobs/${id}/logs?tail=${LINES_SHOWN}`);
  if (selected === id) page.lines.forEach(keepLine);
  draw();
}

function connect() {
  const scheme = location.protocol === "https:" ? "wss:" : "ws:";
  const socket = new WebSocket(`${scheme}//${location.host}/ws`, "etlplus.v1");
  socket.onopen = () => { showConnection("live", "Live"); retryMs = RETRY_FIRST_MS; };
  socket.onmessage = ({ data }) => {
    const frame = JSON.parse(data);
    hear[frame.type]?.(frame.data);
    draw();
  };
  socket.onclose = () => {
    // Clients that lost the same server must not all come back at the same moment.
    const wait = Math.random() * retryMs;
    retryMs = Math.min(retryMs * 2, RETRY_LONGEST_MS);
    showConnection("lost", "Not connected; what is shown may be old");
    setTimeout(connect, wait);
  };
}

function showConnection(state, text) {
  byId("connection").dataset.state = state;
  byId("connection").textContent = text;
}

// ---- What is shown

/** Draws once before the next frame of the screen, however much was heard. */
function draw() {
  if (!isDrawn) return;
  isDrawn = false;
  requestAnimationFrame(() => { isDrawn = true; drawJobs(); drawDetail(); });
}

const byAge = (a, b) => (a.jobId < b.jobId ? 1 : -1);
const whole = (number) => (number ?? null) === null ? "" : Math.round(number).toLocaleString("en");
const mebibytes = (bytes) => (bytes ?? null) === null ? "" : `${Math.round(bytes / 2 ** 20)} MiB`;
const seconds = (ms) => (ms ?? null) === null ? "" : `${(ms / 1000).toFixed(1)} s`;

function drawJobs() {
  const order = { RUNNING: 0, PAUSED: 1, PENDING: 2 };
  const shown = [...jobs.values()].sort((a, b) => (order[a.status] ?? 3) - (order[b.status] ?? 3) || byAge(a, b));
  const focused = document.activeElement?.closest("tr")?.dataset.job;
  byId("jobs").replaceChildren(...shown.map(jobRow));
  if (focused) byId("jobs").querySelector(`[data-job="${CSS.escape(focused)}"] button`)?.focus();
  byId("empty").hidden = shown.length > 0;
  const count = (status) => shown.filter((job) => job.status === status).length;
  byId("counts").textContent = `${count("RUNNING")} running, ${count("PENDING")} waiting`;
}

function jobRow(job) {
  const metrics = job.metrics ?? {};
  const isEnded = ENDED.has(job.status);
  const row = element("tr", { "data-job": job.jobId, "data-status": job.status, "aria-selected": job.jobId === selected });
  const name = element("button", { text: job.pipeline });
  const status = job.stopping ? `${job.status}, stopping` : job.status;
  const bar = element("progress", { max: 100, "aria-label": `Progress of ${job.pipeline}` });
  if (isEnded) bar.value = job.status === "COMPLETED" ? 100 : job.progressPercent ?? 0;
  else if (job.status === "PENDING") bar.value = 0;
  else if ((job.progressPercent ?? null) !== null) bar.value = job.progressPercent;
  row.append(
    element("td", {}, name, element("span", { class: "id", text: job.jobId })),
    element("td", {}, element("span", { class: "status", text: status })),
    element("td", {}, bar, element("span", { class: "step", text: job.currentStep ?? "" })),
    ...[
      whole(job.recordsProcessed && !isEnded ? job.recordsProcessed : metrics.recordsProcessed),
      whole(job.recordsFailed && !isEnded ? job.recordsFailed : metrics.recordsFailed),
      whole(metrics.processingRate),
      seconds(job.eta),
      mebibytes(isEnded ? metrics.memoryPeak : metrics.memoryUsage),
      (metrics.cpuUsage ?? null) === null ? "" : metrics.cpuUsage.toFixed(1),
      seconds(metrics.executionTime),
    ].map((text) => element("td", { class: "number", text })),
  );
  row.addEventListener("click", () => { isChosen = true; select(job.jobId); });
  return row;
}

function drawDetail() {
  const job = jobs.get(selected);
  byId("detail-title").textContent = job ? `Log of ${job.pipeline}` : "Log";
  const failure = job?.failure;
  byId("failure").hidden = !failure;
  byId("failure").textContent = failure ? `${failure.message}. What to do: ${failure.remedy}` : "";
  drawRejects(job?.rejects ?? []);
  const log = byId("log");
  const isAtEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 30;
  const newest = [...lines.values()].sort((a, b) => a.attempt - b.attempt || a.line - b.line).slice(-LINES_SHOWN);
  lines = new Map(newest.map((line) => [`${line.attempt}.${line.line}`, line]));
  log.replaceChildren(...newest.map((line) => element("li", {
    "data-level": line.level,
    text: `${line.timestamp.slice(11, 23)} ${line.level.padEnd(5)} ${line.message}`,
  })));
  if (isAtEnd) log.scrollTop = log.scrollHeight;
}

function drawRejects(rejects) {
  byId("rejects-title").hidden = byId("rejects").hidden = rejects.length === 0;
  byId("rejects").tBodies[0].replaceChildren(...rejects.slice(0, 20).map((broken) => {
    const sample = broken.samples[0];
    const place = sample ? `${sample.file}, ${sample.line ? `line ${sample.line}` : `row ${sample.row}`}: ${sample.message}` : "";
    return element("tr", {},
      element("td", { text: broken.field ?? "(the row)" }), element("td", { text: broken.rule }),
      element("td", { class: "number", text: whole(broken.rows) }), element("td", { text: place }));
  }));
}

connect();
