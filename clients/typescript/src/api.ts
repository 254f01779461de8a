// The API of a service.

import { AvatarError, errorOf, Unreachable } from "./errors.js";
import type { ColorScheme, Palette, Style } from "./names.js";
import {
  avatarUrl,
  emailHash,
  storedAvatarUrl,
  type AvatarUrlOptions,
  type Open,
  type StoredAvatarUrlOptions,
} from "./url.js";

/** A stored avatar. Options that were not given are null. */
export interface Avatar {
  id: string;
  createdAt: string;
  /** Its style. */
  generatorType: string | null;
  seed: string | null;
  primaryColor: string | null;
  foreignColor: string | null;
  colorScheme: string | null;
  palette: string | null;
  options: Record<string, unknown> | null;
}

/** The fields of a new avatar. */
export interface AvatarFields {
  /** The style. By default `pixelize`. */
  type?: Open<Style>;
  /** Without a seed the picture is random. */
  seed?: string;
  primaryColor?: string;
  foreignColor?: string;
  colorScheme?: ColorScheme;
  palette?: Open<Palette>;
  angle?: number;
  /** The options of one of DiceBear's styles. */
  options?: Record<string, unknown>;
}

/** How a photograph is cut and shown. */
export interface PhotoFields {
  /** The region `x,y,width,height`, in px. */
  crop?: string;
  gravity?: "attention" | "centre";
  background?: string;
  name?: string;
}

/** A part of the list of stored avatars. */
export interface AvatarPage {
  avatars: Avatar[];
  pagination: {
    total: number;
    /** The value of `after` for the next page. Null on the last one. */
    next: string | null;
  };
}

export interface PageOptions {
  pick?: number;
  after?: string | null;
  order?: "oldest" | "newest";
}

/** What a picker link allows. */
export interface PickerFields {
  /** Seconds. */
  expiresIn?: number;
  seed?: string;
  styles?: Style[];
  photos?: boolean;
  returnOrigin?: string;
}

/** A list of which each row becomes an avatar. */
export interface Job {
  id: string;
  state: "waiting" | "running" | "done" | "cancelled";
  total: number;
  done: number;
  failed: number;
  rate: number | null;
  timeLeft: number | null;
  createdAt: string;
  startedAt: string | null;
  endedAt: string | null;
}

/** The id or the error of a row. */
export interface JobRow {
  line: number;
  seed: string;
  name: string;
  id: string | null;
  createdAt: string | null;
  error: string | null;
}

/** A style that the service draws. */
export interface StyleInfo {
  name: string;
  title: string;
  license: string | null;
  creator: string | null;
  options: string[];
  formats: string[];
}

export interface Health {
  status: "healthy" | "unhealthy";
  version: string;
  uptime: number;
  checks: Record<string, { status: "up" | "down"; type: string }>;
}

export interface ClientOptions {
  apiKey?: string;
  /** Milliseconds for a request. By default 30,000. */
  timeout?: number;
  fetch?: typeof fetch;
}

type Query = Record<string, string | number | null | undefined>;

/** The API of a service. All methods reject with an `AvatarError`. */
export class AvatarClient {
  readonly #base: string;
  readonly #options: ClientOptions;

  /** `base` is the URL of the service, such as `https://avatars.example.org`. */
  constructor(base: string, options: ClientOptions = {}) {
    this.#base = base.replace(/\/+$/, "");
    this.#options = options;
  }

  /** Draw an avatar and store it. */
  generate(fields: AvatarFields = {}): Promise<Avatar> {
    return this.#data("POST", "/api/generate", json(fields));
  }

  /** Store a photograph, a JPEG, PNG, WebP, AVIF or GIF file. */
  upload(photograph: Blob | BufferSource, fields: PhotoFields = {}): Promise<Avatar> {
    return this.#data("PUT", `/api/upload${search({ ...fields })}`, { body: photograph as BodyInit });
  }

  /** Return a part of the list of stored avatars. */
  page(options: PageOptions = {}): Promise<AvatarPage> {
    return this.#data("GET", `/api/list${search({ ...options })}`);
  }

  /** Yield all stored avatars. Each hundred is one request. */
  async *avatars(order: "oldest" | "newest" = "oldest"): AsyncGenerator<Avatar> {
    let after: string | null = null;
    do {
      const page: AvatarPage = await this.page({ pick: 100, order, after });
      yield* page.avatars;
      after = page.pagination.next;
    } while (after);
  }

  /** Return the picture of a stored avatar. */
  picture(id: string, options: Omit<StoredAvatarUrlOptions, "base"> = {}): Promise<Blob> {
    return this.#blob(storedAvatarUrl(id, options));
  }

  /** Return the picture of a seed. Nothing is stored. */
  render(seed: string, options: Omit<AvatarUrlOptions, "base"> = {}): Promise<Blob> {
    return this.#blob(avatarUrl(seed, options));
  }

  /** Delete a stored avatar for good. */
  async delete(id: string): Promise<void> {
    await this.#send("DELETE", `/api/${encodeURIComponent(id)}`);
  }

  /** Show a stored avatar for an e-mail address, or for its hash. */
  async link(email: string, avatarId: string): Promise<void> {
    await this.#send("PUT", identityPath(email), json({ avatarId }));
  }

  /** Return the id of the avatar of an e-mail address or hash. */
  async linkedAvatar(email: string): Promise<string> {
    return (await this.#data<{ avatarId: string }>("GET", identityPath(email))).avatarId;
  }

  /** Remove the link of an e-mail address or hash. */
  async unlink(email: string): Promise<void> {
    await this.#send("DELETE", identityPath(email));
  }

  /** Make a link to the page on which the user of an e-mail address chooses a picture. It is secret. */
  createPickerLink(email: string, fields: PickerFields = {}): Promise<{ url: string; expiresAt: string }> {
    return this.#data("POST", "/api/picker-links", json({ identity: identity(email), ...fields }));
  }

  /** Return the styles that the service draws. */
  styles(): Promise<StyleInfo[]> {
    return this.#data("GET", "/api/styles");
  }

  /** Return the state of the service. Rejects with `ServiceUnavailable` if a dependency is down. */
  health(): Promise<Health> {
    return this.#data("GET", "/api/health");
  }

  /** Store an avatar for each row, in the background. A row is an object with a `seed`. */
  startJob(rows: readonly Record<string, unknown>[], type?: Open<Style>): Promise<Job> {
    return this.#data("POST", `/api/jobs${search({ type })}`, json(rows));
  }

  /** Return the progress of a job. */
  job(id: string): Promise<Job> {
    return this.#data("GET", jobPath(id));
  }

  /** Return the id or the error of each row. Rejects with `Conflict` before the job has ended. */
  async jobResult(id: string): Promise<JobRow[]> {
    return this.#send("GET", `${jobPath(id)}/result?format=json`, {}, (response) => response.json());
  }

  /** Cancel a job. Avatars that are stored already stay. */
  async cancelJob(id: string): Promise<void> {
    await this.#send("DELETE", jobPath(id));
  }

  async #data<Data>(method: string, path: string, init?: RequestInit): Promise<Data> {
    return this.#send(method, path, init, async (response) => (await response.json()).data);
  }

  async #blob(path: string): Promise<Blob> {
    return this.#send("GET", path, {}, (response) => response.blob());
  }

  async #send<Answer>(
    method: string,
    path: string,
    init: RequestInit = {},
    read: (response: Response) => Promise<Answer> = (response) => response.json(),
  ): Promise<Answer> {
    const { apiKey, timeout = 30_000, fetch: send = fetch } = this.#options;
    const headers = { ...init.headers, ...(apiKey && { Authorization: `Bearer ${apiKey}` }) };
    const signal = AbortSignal.timeout(timeout);
    const response = await send(this.#base + path, { ...init, method, headers, signal }).catch(unreachable);
    if (!response.ok) throw await errorOf(response);
    return read(response).catch((cause: unknown) => {
      if (!(cause instanceof SyntaxError)) return unreachable(cause);
      throw new AvatarError("The answer is not one of an avatar service.", { status: response.status, cause });
    });
  }
}

function unreachable(cause: unknown): never {
  throw new Unreachable("The avatar service did not answer.", { cause });
}

const json = (body: unknown): RequestInit => ({
  body: JSON.stringify(body),
  headers: { "Content-Type": "application/json" },
});

function search(query: Query): string {
  const pairs = Object.entries(query).filter((pair) => pair[1] !== undefined && pair[1] !== null);
  const text = new URLSearchParams(pairs.map(([name, value]) => [name, String(value)])).toString();
  return text && `?${text}`;
}

const identity = (email: string): string =>
  /^([0-9a-f]{32}|[0-9a-f]{64})$/i.test(email) ? email : emailHash(email);

const identityPath = (email: string): string => `/api/identities/${identity(email)}`;

const jobPath = (id: string): string => `/api/jobs/${encodeURIComponent(id)}`;
