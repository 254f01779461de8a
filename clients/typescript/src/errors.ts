/** What is wrong with one field of an invalid request. */
export interface Problem {
  field: string;
  message: string;
}

export interface ErrorDetails {
  status?: number;
  problems?: Problem[];
  retryAfter?: number;
  cause?: unknown;
}

/** Any error of the service, with the sentence that it answered. */
export class AvatarError extends Error {
  /** The HTTP status. Undefined if there was no answer. */
  readonly status: number | undefined;
  /** The fields of an invalid request, and what is wrong with each. */
  readonly problems: Problem[];
  /** Seconds after which another try makes sense, if the service said so. */
  readonly retryAfter: number | undefined;

  constructor(message: string, { status, problems = [], retryAfter, cause }: ErrorDetails = {}) {
    super(message, { cause });
    this.name = new.target.name;
    this.status = status;
    this.problems = problems;
    this.retryAfter = retryAfter;
  }
}

/** 400: a field or a parameter is unknown or out of range. */
export class InvalidRequest extends AvatarError {}
/** 401: the request needs an API key. */
export class NotAuthenticated extends AvatarError {}
/** 403: this API key may not do this. */
export class NotAllowed extends AvatarError {}
/** 404: there is no avatar, identity link, style or job of this name. */
export class NotFound extends AvatarError {}
/** 409: the job has not ended, or has ended already. */
export class Conflict extends AvatarError {}
/** 413: the body is too large. */
export class TooLarge extends AvatarError {}
/** 415: the file is not a photograph that the service can read. */
export class UnsupportedMedia extends AvatarError {}
/** 429: wait for `retryAfter` seconds. */
export class TooManyRequests extends AvatarError {}
/** 503: the service, or something that it needs, is down. Try again later. */
export class ServiceUnavailable extends AvatarError {}
/** 507: no avatar can be stored until there is space again. */
export class StorageFull extends AvatarError {}
/** There was no answer: the network or the timeout. Whether the request had an effect is unknown. */
export class Unreachable extends AvatarError {}

const ERRORS: Record<number, typeof AvatarError> = {
  400: InvalidRequest,
  401: NotAuthenticated,
  403: NotAllowed,
  404: NotFound,
  409: Conflict,
  413: TooLarge,
  415: UnsupportedMedia,
  429: TooManyRequests,
  503: ServiceUnavailable,
  507: StorageFull,
};

/** Return the error that an answer describes, also if a proxy wrote it. */
export async function errorOf(response: Response): Promise<AvatarError> {
  const body = await response.json().catch(() => null);
  const after = response.headers.get("Retry-After");
  return new (ERRORS[response.status] ?? AvatarError)(
    body?.message ?? `The service answered ${response.status}.`,
    {
      status: response.status,
      problems: body?.details ?? [],
      ...(after && /^\d+$/.test(after) && { retryAfter: Number(after) }),
    },
  );
}
