import { type ClientRuntime, TIMED_OUT, waitAtMost } from './runtime.ts'
import type { ServerClock } from './server-clock.ts'
import { TokenError } from './token-error.ts'
import type { TokenRequest } from './token-request.ts'
import type { StoredToken } from './token-store.ts'

export interface ReceivedTokens {
  readonly token: StoredToken
  readonly refreshToken?: string | undefined
}

export interface SendContext {
  readonly runtime: ClientRuntime
  readonly clock: ServerClock
  readonly timeoutMs: number
}

/** The life of a token whose answer does not tell it. */
const UNKNOWN_LIFE_MS = 5 * 60_000
/** No server may silence a client for longer. */
const MAX_RETRY_AFTER_MS = 60 * 60_000
/** Statuses that say nothing about the credentials (RFC 9110 §15, RFC 8470). */
const RETRY_STATUSES = [408, 425, 429]

/** Sends a token request once, and sets the clock by its answer. Throws a `TokenError`. */
export async function sendTokenRequest(
  { runtime, clock, timeoutMs }: SendContext,
  request: TokenRequest,
): Promise<ReceivedTokens> {
  const { origin } = new URL(request.url)
  const sentAt = runtime.now()
  const { response, text } = await fetchText(runtime, request, timeoutMs, origin)
  const { status, headers } = response
  clock.observe(headers, sentAt)
  const body = parseObject(text)
  if (status === 200) {
    const issued = readTokens(body, clock.now())
    if (issued !== undefined) return issued
  }
  const retryAfterMs = parseRetryAfter(headers.get('retry-after'), clock.now())
  if (RETRY_STATUSES.includes(status) || status >= 500) {
    throw new TokenError('unavailable', `${origin} answered ${status}.`, {
      status,
      ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    })
  }
  if ([400, 401, 403].includes(status)) {
    const reason = describeRefusal(body, request.secrets)
    throw new TokenError('refused', `${origin} refused the credentials with ${status}${reason}.`, {
      status,
    })
  }
  throw new TokenError('unexpected_answer', `${request.url} answered ${status} without a token.`, {
    status,
  })
}

async function fetchText(
  runtime: ClientRuntime,
  { url, headers, body }: TokenRequest,
  timeoutMs: number,
  origin: string,
) {
  const controller = new AbortController()
  const work = runtime
    .fetch(url, {
      method: 'POST',
      headers: { Accept: 'application/json', ...headers },
      body,
      // A secret never follows a redirect. Workers know no `error` here.
      redirect: 'manual',
      cache: 'no-store',
      signal: controller.signal,
    })
    .then(async (response) => ({ response, text: await response.text() }))
  try {
    const answer = await waitAtMost(runtime, work, timeoutMs)
    if (answer !== TIMED_OUT) return answer
  } catch (cause) {
    throw new TokenError('unavailable', `${origin} cannot be reached${describeCause(cause)}.`, {
      advice: 'Check url and the network, or try again later.',
      cause,
    })
  }
  controller.abort()
  throw new TokenError('unavailable', `${origin} did not answer in ${timeoutMs} ms.`)
}

/** Names what Node or Bun says of a connection, such as ENOTFOUND. Browsers and Workers say nothing. */
function describeCause(error: unknown): string {
  const { code } = ((error as { cause?: unknown } | null)?.cause ?? {}) as { code?: unknown }
  return typeof code === 'string' && /^[A-Z_]+$/.test(code) ? ` (${code})` : ''
}

type JsonObject = Readonly<Record<string, unknown>>

function parseObject(text: string): JsonObject {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? (value as JsonObject) : {}
  } catch {
    return {}
  }
}

/** Reads the answer of either protocol. */
function readTokens(body: JsonObject, now: number): ReceivedTokens | undefined {
  const accessToken = body.accessToken ?? body.access_token
  if (typeof accessToken !== 'string' || accessToken === '') return undefined
  const expires = Date.parse(String(body.expires))
  const seconds = Number(body.expires_in ?? Number.NaN)
  const lifeMs = Number.isNaN(expires) ? seconds * 1000 : expires - now
  const knownLifeMs = lifeMs > 0 && Number.isFinite(lifeMs) ? lifeMs : UNKNOWN_LIFE_MS
  const { refreshToken } = body
  return {
    token: { accessToken, expiresAt: now + knownLifeMs, lifeMs: knownLifeMs },
    refreshToken: typeof refreshToken === 'string' ? refreshToken : undefined,
  }
}

/** Seconds or a date (RFC 9110 §10.2.3). */
function parseRetryAfter(header: string | null, now: number): number | undefined {
  if (header === null) return undefined
  const ms = /^\d+$/.test(header) ? Number(header) * 1000 : Date.parse(header) - now
  return Number.isNaN(ms) ? undefined : Math.min(Math.max(ms, 0), MAX_RETRY_AFTER_MS)
}

const REASON_MAX_LENGTH = 200

/** Describes an OAuth error (RFC 6749 §5.2), unless the server repeats something secret in it. */
function describeRefusal(body: JsonObject, secrets: readonly string[]): string {
  const parts = [body.error, body.error_description]
  const reason = parts.filter((part) => typeof part === 'string' && part !== '').join(': ')
  const isSafe =
    /^[\x20-\x7e]+$/.test(reason) &&
    reason.length <= REASON_MAX_LENGTH &&
    !secrets.some((secret) => reason.includes(secret))
  return isSafe ? ` (${reason.replace(/\.$/, '')})` : ''
}
