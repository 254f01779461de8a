/** The service's API: answers without the envelope, errors as sentences, and the API key where one is needed. */

import { askForKey } from "./dialogs.js";
import { text } from "./texts.js";
import { at } from "./urls.js";

const TIMEOUT_MS = 30_000;
const STORAGE_KEY = "avatars.key";

/** An error with a sentence for the user. `status` is 0 if no answer arrived. */
export class Failure extends Error {
  constructor(message, status) {
    super(message);
    this.status = status;
  }
}

/**
 * Sends a request for a path of the service and returns the parsed answer. `body` is JSON, `FormData` or a file; `token`
 * takes the place of an API key. `timeout` is in ms.
 * Throws `Failure`, or the reason with which `signal` was aborted.
 */
export async function call(method, path, { body, signal, token, timeout } = {}) {
  for (;;) {
    const used = token ?? key();
    const answer = await send(method, at(path), { body, signal, used, timeout });
    if (answer.status !== 401 || token) return opened(answer);
    answer.body?.cancel();
    if (key() === used) await newKey(used);
  }
}

/** Returns the answer to GET with its body unread. Throws as `call` does, but does not ask for a key. */
export async function fetched(path, options) {
  const answer = await send("GET", at(path), { used: key(), ...options });
  return answer.ok ? answer : opened(answer);
}

/** Returns whether this tab has an API key. The key leaves the tab only in calls of the API. */
export const hasKey = () => key() !== null;

export const forgetKey = () => keep(null);

/** Returns the service's error for a picture URL, or null if the picture loads now. */
export async function trouble(url) {
  try {
    const answer = await send("GET", url, {});
    if (!answer.ok) await opened(answer);
    return null;
  } catch (failure) {
    return failure;
  }
}

/** Returns the text of an SVG. Throws as `call` does. */
export async function svg(url, signal) {
  const answer = await send("GET", url, { signal });
  return answer.ok ? answer.text() : opened(answer);
}

async function send(method, url, { body, signal, used, timeout = TIMEOUT_MS }) {
  const headers = {};
  const isJson = body && ![FormData, Blob].some((kind) => body instanceof kind);
  if (isJson) headers["Content-Type"] = "application/json";
  if (used) headers.Authorization = `Bearer ${used}`;
  const limit = AbortSignal.timeout(timeout);
  try {
    return await fetch(url, {
      method,
      headers,
      body: isJson ? JSON.stringify(body) : body,
      signal: signal ? AbortSignal.any([signal, limit]) : limit,
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

/** Asks for a key once, also if several calls were refused. Throws `Failure` if the user gives none. */
async function newKey(refused) {
  asking ??= askForKey(refused && text("key.wrong")).finally(() => (asking = null));
  const given = await asking;
  if (given === null) throw new Failure(text("key.missing"), 401);
  keep(given);
}

let keyInMemory = null; // Used if the browser offers no session storage.

function key() {
  try {
    return sessionStorage.getItem(STORAGE_KEY);
  } catch {
    return keyInMemory;
  }
}

function keep(value) {
  keyInMemory = value;
  try {
    if (value === null) sessionStorage.removeItem(STORAGE_KEY);
    else sessionStorage.setItem(STORAGE_KEY, value);
  } catch {
    // `keyInMemory` has it.
  }
  document.dispatchEvent(new Event("key"));
}
