"use strict";
// The live page: what the server says over /ws, as it says it. All of it is put into the page as text, never as markup.

const ENDED_SHOWN = 20;
const LINES_SHOWN = 500;
const RULES_SHOWN = 20;
const SAMPLES_SHOWN = 3;
const RETRY_FIRST_MS = 500;
const RETRY_LONGEST_MS = 15_000;
const NOTICES_SHOWN = 5;
const ALERTS_LOADED = 200;
// Codes of a close because of the token: it is not known, or holds no more.
const TOKEN_CLOSES = new Set([4005, 4500]);
// Codes of a close after which connecting again would end in the same way.
const FINAL_CLOSE_FIRST = 4500;
const FINAL_CLOSE_LAST = 4999;
const ENDED = new Set(["COMPLETED", "FAILED", "CANCELLED"]);

/** Jobs by id, each as the server's JobMonitoringData, with what came since laid over it. */
const jobs = new Map();
/** The job whose log is shown, and whether a person chose it. */
let selected = null;
let isChosen = false;
/** The lines shown for the selected job, by attempt and number: the same line can come with a page and live. */
let lines = new Map();
/** The jobs of a snapshot's parts, until the last part is here. */
let gathered = [];
let retryMs = RETRY_FIRST_MS;
let isDrawn = true;
/** Who uses the page, as /api/me says it; null before that is known, and while nobody is logged in. */
let me = null;
/** Counts who was asked for a token: an answer that was asked for before is not for whoever comes after. */
let visit = 0;
let socket = null;
/** The alerts that fire, by fingerprint, and the notices that nobody has dismissed. */
let alerts = new Map();
let notices = [];
let noticesMade = 0;
/** Jobs that were asked for something, until the answer is here. */
const asked = new Set();

const byId = (id) => document.getElementById(id);
const isEnded = (job) => ENDED.has(job?.status);
/** Ids begin with the time at which they were given. */
const newestFirst = (a, b) => (a.jobId < b.jobId ? 1 : -1);

// ---- What is heard

const hear = {
  snapshot({ jobs: part, more }) {
    gathered = gathered.concat(part);
    if (more) return;
    const active = gathered;
    gathered = [];
    const isActive = new Set(active.map((job) => job.jobId));
    for (const [id, job] of jobs) if (!isEnded(job) && !isActive.has(id)) jobs.delete(id);
    for (const job of active) jobs.set(job.jobId, job);
    chooseNewest();
    // What happened while nobody listened.
    loadEnded();
    loadAlerts();
    if (selected !== null) loadLines(selected);
  },
  job_status_update(update) {
    const before = jobs.get(update.jobId);
    const isSameAttempt = before?.attempt === update.attempt;
    const metrics = update.metrics ?? (isSameAttempt && before.metrics) ?? {};
    jobs.set(update.jobId, { ...update, metrics, rejects: isSameAttempt ? before.rejects : [], eta: null });
    if (update.status === "RUNNING" && !isChosen) select(update.jobId);
    if (isEnded(update)) loadJob(update.jobId);
    dropOldest();
  },
  job_progress_update({ jobId, progressPercent, currentStep, eta, rejects, recordsProcessed, recordsFailed }) {
    layOver(jobId, { progressPercent, currentStep, eta, rejects }, { recordsProcessed, recordsFailed });
  },
  job_metrics_update({ jobId, metrics }) { layOver(jobId, {}, metrics); },
  job_log_message(line) { if (line.jobId === selected) keepLine(line); },
  system_notification(notice) {
    if (notice.alert) keepAlert(notice.alert);
    say(notice);
  },
};

function keepAlert(alert) {
  // A test is over as soon as it is told.
  if (alert.status === "firing" && alert.rule !== "test") alerts.set(alert.fingerprint, alert);
  else alerts.delete(alert.fingerprint);
}

function say({ severity, title, message, remedy }) {
  noticesMade += 1;
  notices = [...notices, { id: `${noticesMade}`, severity, title, message, remedy }].slice(-NOTICES_SHOWN);
  draw();
}

function layOver(id, change, metrics) {
  const job = jobs.get(id);
  // A reading of a job that has ended is older than its end.
  if (job && !isEnded(job)) jobs.set(id, { ...job, ...change, metrics: { ...job.metrics, ...metrics } });
}

function dropOldest() {
  const ended = [...jobs.values()].filter(isEnded).sort(newestFirst);
  for (const job of ended.slice(ENDED_SHOWN)) if (job.jobId !== selected) jobs.delete(job.jobId);
}

function keepLine(line) {
  lines.set(`${line.attempt}.${line.line}`, line);
  // Nothing is drawn while the page is hidden, however much is said.
  if (lines.size > 2 * LINES_SHOWN) dropLines();
}

function dropLines() {
  const inOrder = [...lines].sort(([, a], [, b]) => a.attempt - b.attempt || a.line - b.line);
  lines = new Map(inOrder.slice(-LINES_SHOWN));
}

const ask = (path, method = "GET", body = null) => fetch(path, {
  method,
  headers: { accept: "application/json", ...(body && { "content-type": "application/json" }) },
  body: body && JSON.stringify(body),
});

/** What is wrong, by an answer that is no success. */
async function problemOf(answer) {
  const unknown = { detail: `the server answers with the status ${answer.status}`, remedy: "" };
  return answer.json().catch(() => unknown);
}

/** Asks for `path` and gives the answer to `take`; says so where there is none. */
async function load(path, take) {
  const visitor = visit;
  try {
    const answer = await ask(path);
    if (visitor !== visit) return;
    if (answer.status === 401) return enter();
    if (!answer.ok) throw new Error(`status ${answer.status}`);
    const body = await answer.json();
    if (visitor !== visit) return;
    take(body);
    byId("notice").textContent = "";
  } catch (error) {
    byId("notice").textContent = `Some of it could not be loaded (${error.message}); reload the page`;
  }
  draw();
}

function loadEnded() {
  return load(`/api/monitor/jobs?limit=${ENDED_SHOWN}&status=${[...ENDED]}`, (page) => {
    // A job that is active here has moved on since the page was read.
    for (const job of page.jobs) if (!jobs.has(job.jobId) || isEnded(jobs.get(job.jobId))) jobs.set(job.jobId, job);
    dropOldest();
    chooseNewest();
  });
}

function loadAlerts() {
  return load(`/api/alerts?active=true&limit=${ALERTS_LOADED}`, (page) => {
    alerts = new Map();
    // The latest word about an alert comes last.
    page.alerts.reverse().forEach(keepAlert);
  });
}

function loadJob(id) {
  return load(`/api/jobs/${id}/status`, (job) => {
    // It may have been dropped, or tried again, in between.
    if (isEnded(jobs.get(id))) jobs.set(id, job);
  });
}

function loadLines(id) {
  return load(`/api/jobs/${id}/logs?tail=${LINES_SHOWN}`, (page) => { if (selected === id) page.lines.forEach(keepLine); });
}

/** Shows the newest job, if none is shown. */
function chooseNewest() {
  const [newest] = [...jobs.values()].sort(activeFirst);
  if (selected === null && newest) select(newest.jobId);
}

function select(id) {
  if (selected === id) return;
  selected = id;
  lines = new Map();
  draw();
  loadLines(id);
}

// ---- Who one is

/** Finds out who one is, and connects, or asks for a token. */
async function enter() {
  try {
    let answer = await ask("/api/me");
    // A cookie that holds no more is taken away by the first answer; without one, this server may ask for none.
    if (answer.status === 401) answer = await ask("/api/me");
    if (answer.status === 401) return askForToken();
    if (!answer.ok) throw new Error(`status ${answer.status}`);
    welcome(await answer.json());
  } catch {
    enterLater();
  }
}

function enterLater() {
  showConnection("lost", "Not connected; what is shown may be old");
  // Clients that lost the same server must not all come back at the same moment.
  setTimeout(enter, Math.random() * retryMs);
  retryMs = Math.min(retryMs * 2, RETRY_LONGEST_MS);
}

function welcome(who) {
  me = who;
  byId("login").hidden = true;
  byId("main").hidden = byId("alerts-box").hidden = false;
  byId("me").hidden = who.kind !== "token";
  setText(byId("me-name"), `${who.name} (${who.role})`);
  connect();
}

/** Shows nothing but the question for a token: what was shown before is not for everybody. */
function askForToken() {
  leave();
  me = null;
  visit += 1;
  for (const shown of [jobs, lines, alerts]) shown.clear();
  [selected, isChosen, notices] = [null, false, []];
  byId("login").hidden = false;
  byId("main").hidden = byId("alerts-box").hidden = byId("me").hidden = true;
  showConnection("lost", "Not logged in");
  draw();
  byId("token").focus();
}

async function logIn(event) {
  event.preventDefault();
  const [token, button, error] = ["token", "login-button", "login-error"].map(byId);
  button.disabled = true;
  setText(error, "");
  try {
    const answer = await ask("/api/login", "POST", { token: token.value.trim() });
    if (answer.ok) {
      token.value = "";
      welcome(await answer.json());
      byId("main").focus();
    } else {
      const { detail, remedy } = await problemOf(answer);
      setText(error, `${detail}. ${remedy}`);
      token.select();
    }
  } catch {
    setText(error, "The server does not answer; try again");
  }
  button.disabled = false;
}

async function logOut() {
  leave();
  // Where this fails, the next question who one is says so.
  await ask("/api/logout", "POST").catch(() => {});
  enter();
}

// ---- The connection

/** Hangs up, for good: what the socket still says is not heard. */
function leave() {
  const left = socket;
  socket = null;
  left?.close();
}

function connect() {
  leave();
  // The parts of a connection that broke off are those of no snapshot.
  gathered = [];
  const scheme = location.protocol === "https:" ? "wss:" : "ws:";
  const opened = new WebSocket(`${scheme}//${location.host}/ws`, "etlplus.v1");
  socket = opened;
  opened.onopen = () => { showConnection("live", "Live"); retryMs = RETRY_FIRST_MS; };
  opened.onmessage = ({ data }) => {
    if (socket !== opened) return;
    const frame = JSON.parse(data);
    hear[frame.type]?.(frame.data);
    draw();
  };
  opened.onclose = ({ code, reason }) => {
    if (socket !== opened) return;
    socket = null;
    if (TOKEN_CLOSES.has(code)) enter();
    else if (code >= FINAL_CLOSE_FIRST && code <= FINAL_CLOSE_LAST) {
      showConnection("lost", `Closed by the server (${reason}); reload the page`);
    } else enterLater();
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
  requestAnimationFrame(() => { isDrawn = true; drawJobs(); drawLog(); drawRejects(); drawAlerts(); drawNotices(); });
}

function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

/** Sets what differs only: text that stays the same can be selected, and costs nothing. */
function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/**
 * Gives `parent` a child for each of `items`, in their order. A child whose key was there already stays the same element,
 * so that a click, the focus, a selection of text and the place in a scrolled list outlive the drawing.
 */
function patch(parent, items, keyOf, make, update) {
  const there = new Map([...parent.children].map((child) => [child.dataset.key, child]));
  const focused = document.activeElement;
  const keys = new Set(items.map(keyOf));
  for (const [key, child] of there) if (!keys.has(key)) child.remove();
  let next = parent.firstElementChild;
  for (const item of items) {
    const key = keyOf(item);
    const child = there.get(key) ?? make(item);
    child.dataset.key = key;
    update?.(child, item);
    if (child === next) next = next.nextElementSibling;
    else parent.insertBefore(child, next);
  }
  // An element that moves loses the focus.
  if (focused !== document.activeElement && parent.contains(focused)) focused.focus({ preventScroll: true });
}

const isKnown = (number) => (number ?? null) !== null;
const whole = (number) => (isKnown(number) ? Math.round(number).toLocaleString("en") : "");
const mebibytes = (bytes) => (isKnown(bytes) ? `${whole(bytes / 2 ** 20)} MiB` : "");
const seconds = (ms) => (isKnown(ms) ? `${(ms / 1000).toFixed(1)} s` : "");

/** The columns of numbers: their names, and their texts for a job. */
const NUMBERS = [
  ["Rows", ({ metrics }) => whole(metrics.recordsProcessed)],
  ["Rejected", ({ metrics }) => whole(metrics.recordsFailed)],
  ["Rows/s", ({ metrics }) => whole(metrics.processingRate)],
  ["Left", (job) => (isEnded(job) ? "" : seconds(job.eta))],
  ["Memory", (job) => mebibytes(isEnded(job) ? job.metrics.memoryPeak : job.metrics.memoryUsage)],
  ["Cores", ({ metrics }) => (isKnown(metrics.cpuUsage) ? metrics.cpuUsage.toFixed(1) : "")],
  ["Time", ({ metrics }) => seconds(metrics.executionTime)],
];

/** Jobs that have not ended come first. Starting a job does not move it. */
const activeFirst = (a, b) => isEnded(a) - isEnded(b) || newestFirst(a, b);

function drawJobs() {
  const shown = [...jobs.values()].sort(activeFirst);
  patch(byId("jobs"), shown, (job) => job.jobId, makeJob, updateJob);
  byId("empty").hidden = shown.length > 0;
  const count = (status) => shown.filter((job) => job.status === status).length;
  const paused = count("PAUSED");
  setText(byId("counts"), me === null ? "" : `${count("RUNNING")} running, ${count("PENDING")} waiting${paused ? `, ${paused} paused` : ""}`);
}

function makeJob({ jobId, pipeline }) {
  const row = element("tr", {},
    element("td", {}, element("button", { class: "name", title: pipeline }, pipeline), element("span", { class: "id", title: jobId }, jobId)),
    element("td", {}, element("span", { class: "status" }), element("span", { class: "stopping" }), element("span", { class: "actions" })),
    element("td", {}, element("progress", { max: 100, "aria-label": `Progress of ${pipeline}` }), element("span", { class: "step" })),
    ...NUMBERS.map(([name]) => element("td", { class: "number", "data-name": name })));
  // The button brings the keyboard: its click comes here, too.
  row.addEventListener("click", () => { isChosen = true; select(jobId); });
  return row;
}

function updateJob(row, job) {
  const [button, status, stopping, step] = [".name", ".status", ".stopping", ".step"].map((name) => row.querySelector(name));
  row.dataset.status = job.status;
  row.dataset.chosen = job.jobId === selected;
  button.setAttribute("aria-pressed", job.jobId === selected);
  setText(status, job.status);
  setText(stopping, job.stopping ? "stopping" : "");
  setText(step, job.currentStep ?? "");
  step.title = job.currentStep ?? "";
  drawActions(row.querySelector(".actions"), job, button);
  const isStill = isEnded(job) || job.status === "PAUSED";
  const percent = { COMPLETED: 100, PENDING: 0 }[job.status] ?? job.progressPercent ?? (isStill ? 0 : null);
  const bar = row.querySelector("progress");
  if (percent === null) bar.removeAttribute("value");
  else bar.value = percent;
  row.querySelectorAll(".number").forEach((cell, index) => setText(cell, NUMBERS[index][1](job)));
}

/** What can be asked of a job that is in a status: the word for people, which is the route's as well. */
const ACTIONS = {
  PENDING: ["Cancel"],
  RUNNING: ["Pause", "Cancel"],
  PAUSED: ["Resume", "Cancel"],
  FAILED: ["Retry"],
  CANCELLED: ["Retry"],
};

/** The buttons of a job, for who may press them. Where the one with the focus goes, the job's `name` gets it. */
function drawActions(parent, job, name) {
  const isAllowed = me !== null && me.role !== "viewer" && !job.stopping;
  const hadFocus = parent.contains(document.activeElement);
  const make = (action) => {
    const button = element("button", { type: "button", "aria-label": `${action} ${job.pipeline}` }, action);
    button.addEventListener("click", (event) => { event.stopPropagation(); command(job.jobId, action); });
    return button;
  };
  const update = (button) => { button.disabled = asked.has(job.jobId); };
  patch(parent, (isAllowed && ACTIONS[job.status]) || [], (action) => action, make, update);
  if (hadFocus && !parent.contains(document.activeElement)) name.focus({ preventScroll: true });
}

/** Asks for something to be done with a job. What comes of it is told over the connection. */
async function command(id, action) {
  asked.add(id);
  draw();
  try {
    const answer = await ask(`/api/jobs/${id}/${action.toLowerCase()}`, "POST");
    if (answer.status === 401) enter();
    else if (!answer.ok) {
      const { detail, remedy } = await problemOf(answer);
      say({ severity: "ERROR", title: `${action} was refused`, message: detail, remedy });
    }
  } catch {
    say({ severity: "ERROR", title: `${action} failed`, message: "The server does not answer", remedy: "try again" });
  }
  asked.delete(id);
  draw();
}

function drawAlerts() {
  const firing = [...alerts.values()];
  setText(byId("alerts-count"), firing.length === 0 ? "No alerts" : `${whole(firing.length)} alert${firing.length > 1 ? "s" : ""}`);
  byId("alerts-box").dataset.firing = firing.length > 0;
  patch(byId("alerts"), firing, ({ fingerprint, at }) => `${fingerprint}.${at}`, ({ rule, at, message, remedy }) =>
    element("li", {}, `${message}.`, element("span", {}, remedy), element("span", {}, `${rule}, since ${at.slice(0, 19)}Z`)));
}

function drawNotices() {
  patch(byId("notices"), notices, ({ id }) => id, ({ id, severity, title, message, remedy }) => {
    const button = element("button", { type: "button", "aria-label": `Dismiss: ${title}` }, "Dismiss");
    button.addEventListener("click", () => { notices = notices.filter((notice) => notice.id !== id); draw(); });
    const text = element("div", {}, element("strong", {}, title), element("span", {}, message), element("span", {}, remedy ?? ""));
    return element("li", { "data-severity": severity }, text, button);
  });
}

function drawLog() {
  const job = jobs.get(selected);
  setText(byId("log-title"), job ? `Log of ${job.pipeline}` : "Log");
  byId("failure").hidden = !job?.failure;
  setText(byId("failure-message"), job?.failure ? `${job.failure.message}.` : "");
  setText(byId("failure-remedy"), job?.failure?.remedy ?? "");
  const log = byId("log");
  const isAtEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 30;
  dropLines();
  const keyOf = (line) => `${line.jobId}.${line.attempt}.${line.line}`;
  patch(log, [...lines.values()], keyOf, (line) => element("li", { "data-level": line.level },
    `${line.timestamp.slice(11, 23)} ${line.level.padEnd(5)} ${line.message}`));
  if (isAtEnd) log.scrollTop = log.scrollHeight;
}

/** `orders.csv, line 2: "much" is not a number`. */
function sampleText({ file, line, row, value, message }) {
  const place = isKnown(line) ? `line ${whole(line)}` : `row ${whole(row)}`;
  return `${file.split("/").at(-1)}, ${place}: ${isKnown(value) ? `"${value}" ` : ""}${message}`;
}

function drawRejects() {
  const rejects = (jobs.get(selected)?.rejects ?? []).slice(0, RULES_SHOWN);
  const rows = rejects.flatMap(({ field, rule, rows, samples }) => [
    { class: "rule", texts: [field ?? "(row)", rule, whole(rows)], key: JSON.stringify([selected, field, rule]) },
    ...samples.slice(0, SAMPLES_SHOWN).map((sample, index) => ({
      class: "sample",
      texts: [sampleText(sample)],
      title: sample.file,
      key: JSON.stringify([selected, field, rule, index]),
    })),
  ]);
  const make = ({ class: name, title = "" }) => element("tr", { class: name, title }, ...(name === "sample"
    ? [element("td", { colspan: 3 })]
    : [element("td"), element("td"), element("td", { class: "number" })]));
  const update = (row, { texts }) => texts.forEach((text, index) => setText(row.cells[index], text));
  patch(byId("rejects"), rows, ({ key }) => key, make, update);
  byId("no-rejects").hidden = rejects.length > 0;
}

byId("login").addEventListener("submit", logIn);
byId("logout").addEventListener("click", logOut);
enter();
