// Opens the page at the address given, and does what each line on stdin says: {"do": "look"}, {"do": "press", "key": "Tab"},
// {"do": "click", "on": "#logout"}, {"do": "fill", "on": "#token", "text": "t"}, {"do": "select_line"} or
// {"do": "inject", "markup": "<b>"}. Each is answered by a line of JSON: what the page shows after it.
"use strict";

const { createInterface } = require("node:readline");
const { chromium } = require("playwright-core");

const FLAGS = [
  "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
  "--disable-component-update", "--disable-sync",
];

/** Runs in the page. */
function look() {
  const texts = (selector) => [...document.querySelectorAll(selector)].map((node) => node.textContent);
  const isShown = (node) => node.checkVisibility();
  return {
    connection: document.getElementById("connection").dataset.state,
    connectionText: document.getElementById("connection").textContent,
    notice: document.getElementById("notice").textContent,
    jobs: [...document.querySelectorAll("#jobs tr")].map((row) => ({
      jobId: row.dataset.key,
      status: row.querySelector(".status").textContent,
      progress: row.querySelector("progress").position,
      rows: row.querySelector("[data-name=Rows]").textContent,
      rejected: row.querySelector("[data-name=Rejected]").textContent,
      isChosen: row.querySelector("button").getAttribute("aria-pressed") === "true",
      isFocused: row.contains(document.activeElement),
      actions: [...row.querySelectorAll(".actions button:enabled")].map((button) => button.textContent),
      boxes: JSON.stringify([...row.cells].map((cell) => cell.getBoundingClientRect())),
    })),
    log: texts("#log li"),
    rejects: [...document.querySelectorAll("#rejects tr")].map((row) => [...row.cells].map((cell) => cell.textContent)),
    failure: texts("#failure").filter(() => isShown(document.getElementById("failure"))).join(),
    login: isShown(document.getElementById("login")) ? document.getElementById("login-error").textContent : null,
    isMainShown: isShown(document.getElementById("main")),
    me: texts("#me-name").filter(() => isShown(document.getElementById("me"))).join(),
    notices: [...document.querySelectorAll("#notices li")].map((item) => [...item.firstChild.children].map((part) => part.textContent)),
    alertsCount: document.getElementById("alerts-count").textContent,
    alerts: texts("#alerts li"),
    // What an answer could have left where scripts can read it.
    cookie: document.cookie,
    selection: document.getSelection().toString(),
    images: document.images.length,
  };
}

/** Runs in the page: selects the text of the first line of the log. */
function selectLine() {
  document.getSelection().selectAllChildren(document.querySelector("#log li"));
}

/** Runs in the page: what a page that trusted its data would do. */
function inject(markup) {
  document.body.insertAdjacentHTML("beforeend", markup);
}

async function main() {
  const executablePath = process.env.CHROMIUM || "/usr/bin/chromium";
  const browser = await chromium.launch({ executablePath, headless: true, args: FLAGS });
  const page = await browser.newPage();
  const seen = { loads: 0, problems: [] };
  const problem = (kind, text) => seen.problems.push(`${kind}: ${text}`);
  page.on("load", () => { seen.loads += 1; });
  page.on("pageerror", (error) => problem("exception", error.message));
  page.on("console", (message) => { if (message.type() === "error") problem("console", message.text()); });
  page.on("dialog", (dialog) => { problem("dialog", dialog.message()); dialog.dismiss(); });
  await page.goto(process.argv[2]);

  const deeds = {
    look: () => {},
    press: ({ key }) => page.keyboard.press(key),
    click: ({ on }) => page.click(on),
    fill: ({ on, text }) => page.fill(on, text),
    select_line: () => page.evaluate(selectLine),
    inject: ({ markup }) => page.evaluate(inject, markup),
  };
  for await (const line of createInterface({ input: process.stdin })) {
    const order = JSON.parse(line);
    await deeds[order.do](order);
    process.stdout.write(`${JSON.stringify({ ...await page.evaluate(look), ...seen })}\n`);
  }
  await browser.close();
}

main();
