/** The service's API: answers without their envelope, failures as sentences, and the key where one is asked for. */

import { askForKey } from "./dialogs.js";
import { text } from "./texts.js";

const PATIENCE = 30_000; // ms
const MEMORY = "avatars.key";

/** A sentence that says what went wrong; `status` is 0 where there was no answer. */
export class Failure extends Error {
  constructor(message, status) {
    super(message);
    this.status = status;
  }
}

/** The whole answer of a call. Throws `Failure`, or what `signal` was aborted with. */
export async function call(method, address, { body, signal } = {}) {
  for (;;) {
    const used = key();
    const answer = await send(method, address, { body, signal, used });
    if (answer.status !== 401) return opened(answer);
    answer.body?.cancel();
    if (key() === used) await newKey(used);
  }
}

/** Whether a key is kept; it never leaves this tab but in calls of the API. */
export const hasKey = () => key() !== null;

export const forgetKey = () => keep(null);

/** What the service says is wrong with a picture's address, or null if it is a picture now. */
export async function trouble(address) {
  try {
    const answer = await send("GET", address, {});
    if (!answer.ok) await opened(answer);
    return null;
  } catch (failure) {
    return failure;
  }
}

/** The text of an SVG. Throws as `call` does. */
export async function svg(address, signal) {
  const answer = await send("GET", address, { signal });
  return answer.ok ? answer.text() : opened(answer);
}

async function send(method, address, { body, signal, used }) {
  const headers = {};
  if (body) headers["Content-Type"] = "application/json";
  if (used) headers.Authorization = `Bearer ${used}`;
  const patience = AbortSignal.timeout(PATIENCE);
  try {
    return await fetch(address, {
      method,
      headers,
      body: body && JSON.stringify(body),
      signal: signal ? AbortSignal.any([signal, patience]) : patience,
    });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new Failure(text(method === "GET" || error.name !== "TimeoutError" ? "unreachable" : "unsure"), 0);
  }
}

async function opened(answer) {
  const envelope = await answer.json().catch(() => ({}));
  if (answer.ok) return envelope;
  throw new Failure(envelope.message ?? `${answer.status} ${answer.statusText}.`, answer.status);
}

let asking = null;

/** Asks once, however many calls were refused. Throws `Failure` if none is given. */
async function newKey(refused) {
  asking ??= askForKey(refused && text("key.wrong")).finally(() => (asking = null));
  const given = await asking;
  if (given === null) throw new Failure(text("key.missing"), 401);
  keep(given);
}

let kept = null; // Where the browser keeps nothing, this does, until the page is left.

function key() {
  try {
    return sessionStorage.getItem(MEMORY);
  } catch {
    return kept;
  }
}

function keep(value) {
  kept = value;
  try {
    if (value === null) sessionStorage.removeItem(MEMORY);
    else sessionStorage.setItem(MEMORY, value);
  } catch {
    // `kept` has it.
  }
  document.dispatchEvent(new Event("key"));
}
