/** Lists of people, of which each row becomes a stored avatar. This module is loaded when its view is first opened. */

import { find, loadStyle, make, notify } from "./dom.js";
import { call, fetched, hasKey } from "./service.js";
import { addTexts, language, number, text, time } from "./texts.js";
import { at } from "./urls.js";
import en from "./jobs.en.js";
import ru from "./jobs.ru.js";

addTexts({ en, ru });

const STORAGE_KEY = "avatars.jobs";
const MOST_KEPT = 20; // Jobs that the browser remembers.
const MOST_STREAMS = 2; // Over HTTP/1.1 a browser opens six connections to a service, and pictures need some.
const POLL_MS = 2000;
const SILENCE_MS = 5000; // The service sends something each second.
const UPLOAD_MS = 300_000;
const DAY_MS = 86_400_000;
const RESULTS = ["csv", "json", "zip"];
const UNITS = [["hour", 3600], ["minute", 60], ["second", 1]];

const view = find("#jobs-view");
const trouble = make("p", { className: "trouble", role: "alert" });
const list = make("ul", { className: "joblist" });

let streams = 0; // Open streams of events.

/** Builds the view, and shows the jobs of earlier visits. */
export async function openJobs() {
  await loadStyle("jobs.css");
  const intro = make("div", { className: "intro" }, make("h1", { id: "jobs-title" }, text("jobs.title")), make("p", {}, text("jobs.lead")));
  view.replaceChildren(intro, beginning(), list);
  for (const kept of remembered()) list.append(new Card(kept).element);
}

/** Returns the form that starts a job. */
function beginning() {
  const file = make("input", { type: "file", name: "list", required: true, accept: ".csv,.json,text/csv,application/json" });
  const style = make("select", { name: "style" }, make("option", { value: "" }, text("jobs.style.none")));
  const start = make("button", { className: "strong" }, text("jobs.start"));
  const form = make("form", { className: "beginning" }, field("jobs.list", file), field("jobs.style", style), start, trouble);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    start.disabled = true;
    begin(form).finally(() => (start.disabled = false));
  });
  call("GET", "/api/styles").then(({ data }) => style.append(...data.map(({ name, title }) => make("option", { value: name }, title))), () => {});
  return form;
}

const field = (key, input) => make("label", { className: "line" }, make("span", {}, text(key)), input);

/** Sends the chosen file, and shows its job. */
async function begin(form) {
  const [file] = form.elements.list.files;
  const style = form.elements.style.value;
  const type = /\.json$/i.test(file.name) ? "application/json" : "text/csv";
  trouble.textContent = "";
  notify(text("jobs.sending"));
  try {
    const path = `/api/jobs${style && `?${new URLSearchParams({ type: style })}`}`;
    const { data } = await call("POST", path, { body: new Blob([file], { type }), timeout: UPLOAD_MS });
    const kept = { id: data.id, name: file.name };
    remember([kept, ...remembered()].slice(0, MOST_KEPT));
    list.prepend(new Card(kept, data).element);
    notify(text("jobs.started"));
    form.elements.list.value = "";
  } catch (failure) {
    trouble.textContent = text("jobs.refused", { reason: failure.message });
  }
}

/** A job: its progress, and what can be done with it. */
class Card {
  constructor({ id, name }, job = null) {
    this.id = id;
    this.name = name;
    this.path = `/api/jobs/${encodeURIComponent(id)}`;
    this.gone = new AbortController();
    const title = make("h2", { id: `job-${id}` }, make("bdi", {}, name));
    this.state = make("span", { className: "badge" });
    this.bar = make("progress", { "aria-labelledby": title.id });
    this.count = make("p", {});
    this.pace = make("p", { className: "note" });
    this.trouble = make("p", { className: "trouble", role: "alert" });
    this.actions = make("div", { className: "actions" });
    this.element = make("li", {}, make("header", {}, title, this.state), this.bar, this.count, this.pace, this.trouble, this.actions);
    if (job) this.show(job);
    this.watch();
  }

  /** Shows the progress until the job has ended: as events arrive, or else by asking again and again. */
  async watch() {
    const { signal } = this.gone;
    let listens = true;
    while (!signal.aborted) {
      try {
        this.show((await call("GET", this.path, { signal })).data);
        this.trouble.replaceChildren();
        if (!this.job.endedAt && listens && streams < MOST_STREAMS) listens = await this.listen();
        if (this.job.endedAt) return;
      } catch (failure) {
        if (signal.aborted || !this.explain(failure)) return;
      }
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  }

  /** Shows events as they arrive. Returns whether any has: some proxies hold them back. */
  async listen() {
    let heard = false;
    streams += 1;
    try {
      for await (const job of events(`${this.path}/events`, this.gone.signal)) {
        heard = true;
        this.show(job);
      }
    } catch {
      // The next request says why.
    } finally {
      streams -= 1;
    }
    return heard;
  }

  show(job) {
    const before = this.job;
    this.job = job;
    const finished = job.done + job.failed;
    const rows = text("jobs.rows", { finished: number(finished), count: job.total, total: number(job.total) });
    this.bar.max = Math.max(1, job.total);
    this.bar.value = finished;
    this.bar.ariaValueText = rows;
    this.count.textContent = job.failed ? `${rows}, ${text("jobs.failed", { count: job.failed, number: number(job.failed) })}` : rows;
    this.pace.textContent = job.endedAt ? text("jobs.ended", { time: time(job.endedAt) }) : pace(job);
    if (before?.state === job.state) return;
    this.element.dataset.state = job.state;
    this.state.textContent = text(`jobs.${job.state}`);
    this.offer();
    if (before && job.endedAt) notify(`${this.name}: ${this.state.textContent}`);
  }

  /** Shows the buttons for the state of the job. */
  offer() {
    const hadFocus = this.actions.contains(document.activeElement);
    const buttons = this.job.endedAt ? [...RESULTS.map((format) => this.result(format)), this.button("jobs.forget", () => this.forget())] : [this.button("jobs.cancel", () => this.cancel())];
    this.actions.replaceChildren(...buttons);
    if (hadFocus) buttons[0].focus();
  }

  button(key, onclick) {
    return make("button", { type: "button", onclick, "aria-describedby": `job-${this.id}` }, text(key));
  }

  /** Returns a link to the result. A link cannot send a key, so with a key the page fetches the file. */
  result(format) {
    const path = `${this.path}/result?format=${format}`;
    const link = make("a", { className: "button", href: at(path), download: "", "aria-describedby": `job-${this.id}` }, text(`jobs.${format}`));
    link.addEventListener("click", (event) => {
      if (!hasKey()) return;
      event.preventDefault();
      save(path, `job-${this.id}.${format}`).catch((failure) => notify(failure.message));
    });
    return link;
  }

  async cancel() {
    try {
      await call("DELETE", this.path);
    } catch (failure) {
      // It may have ended in the meantime.
      if (failure.status !== 409) notify(failure.message);
    }
  }

  forget() {
    this.gone.abort();
    remember(remembered().filter(({ id }) => id !== this.id));
    this.element.remove();
    find("input", view).focus();
  }

  /** Says why the progress is not known. Returns whether that can pass by itself. */
  explain({ status, message }) {
    if (status === 404) this.trouble.replaceChildren(text("jobs.unknown"), " ", this.button("jobs.forget", () => this.forget()));
    else if (status < 500 && status !== 0 && status !== 429) this.trouble.replaceChildren(message, " ", this.button("retry", () => this.watch()));
    else this.trouble.textContent = message;
    return !this.trouble.children.length;
  }
}

/** Yields the data of server-sent events. It ends with the stream, or if nothing arrives for some seconds. */
async function* events(path, signal) {
  const silence = new AbortController();
  let timer = setTimeout(() => silence.abort(), SILENCE_MS);
  const answer = await fetched(path, { signal: AbortSignal.any([signal, silence.signal]), timeout: DAY_MS });
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    clearTimeout(timer);
    timer = setTimeout(() => silence.abort(), SILENCE_MS);
    const blocks = (rest + part.value).split("\n\n");
    rest = blocks.pop();
    for (const block of blocks) {
      const data = /^data: (.*)$/m.exec(block);
      if (data) yield JSON.parse(data[1]);
    }
  }
  clearTimeout(timer);
}

async function save(path, name) {
  const answer = await fetched(path, { timeout: DAY_MS });
  const href = URL.createObjectURL(await answer.blob());
  make("a", { href, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(href), 60_000);
}

const pace = ({ rate, timeLeft }) => (rate ? text("jobs.pace", { rate: number(Math.round(rate)), count: Math.round(rate), left: duration(timeLeft ?? 0) }) : "");

/** Returns a number of seconds in its largest unit. */
function duration(seconds) {
  const [unit, length] = UNITS.find(([, each]) => seconds >= each) ?? UNITS.at(-1);
  return new Intl.NumberFormat(language, { style: "unit", unit, unitDisplay: "long" }).format(Math.round(seconds / length));
}

let inMemory = []; // Used if the browser offers no storage.

function remembered() {
  try {
    return JSON.parse(localStorage.getItem(STORAGE_KEY)) ?? [];
  } catch {
    return inMemory;
  }
}

function remember(jobs) {
  inMemory = jobs;
  try {
    localStorage.setItem(STORAGE_KEY, JSON.stringify(jobs));
  } catch {
    // `inMemory` has them.
  }
}
