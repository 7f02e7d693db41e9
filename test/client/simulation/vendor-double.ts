import { DAY_MS, MINUTE_MS, SECOND_MS } from '../../support/time.ts'

export const DOUBLE_URL = 'https://vendor.example'
export const DOUBLE_KEY = { apiKey: 'd89d3a34-3a5a-4a5f-9d2a-d1f0c0a7c0de', secret: 'the-secret' }
const ACCESS_LIFE_MS = DAY_MS
const REFRESH_LIFE_MS = 7 * DAY_MS
const OAUTH_LIFE_MS = 5 * MINUTE_MS

export interface DoubleRequest {
  readonly path: string
  readonly body: string
  readonly authorization: string | null
}

/** A double of the real vendor, as its documentation and its clients record it. */
export class VendorDouble {
  readonly #now: () => number
  readonly #expiryByAccessToken = new Map<string, number>()
  readonly #expiryByRefreshToken = new Map<string, number>()
  readonly #usedJtis = new Set<string>()
  #issued = 0
  isKeyEnabled = true

  constructor(now: () => number) {
    this.#now = now
  }

  answer(request: DoubleRequest): Response {
    switch (request.path) {
      case '/auth/authenticate':
        return this.#authenticate(request)
      case '/auth/refreshToken':
        return this.#refresh(request)
      case '/v2/auth/token':
        return this.#answerAssertion(request)
      default:
        return this.#answerApi(request)
    }
  }

  /** Ends every token at once, as a vendor's own incident does. */
  dropTokens(): void {
    this.#expiryByAccessToken.clear()
    this.#expiryByRefreshToken.clear()
  }

  #authenticate({ body }: DoubleRequest): Response {
    const { apiKey, secret } = JSON.parse(body)
    const isRight = apiKey === DOUBLE_KEY.apiKey && secret === DOUBLE_KEY.secret
    return isRight && this.isKeyEnabled ? this.#issuePair() : this.#refuse()
  }

  /** Rotates, and never repeats an answer. */
  #refresh({ body }: DoubleRequest): Response {
    const { refreshToken } = JSON.parse(body)
    const expiresAt = this.#expiryByRefreshToken.get(refreshToken) ?? 0
    this.#expiryByRefreshToken.delete(refreshToken)
    return expiresAt > this.#now() && this.isKeyEnabled ? this.#issuePair() : this.#refuse()
  }

  #issuePair(): Response {
    const [accessToken, refreshToken] = [`at-${++this.#issued}`, `rt-${this.#issued}`]
    this.#deleteExpired()
    const expiresAt = this.#now() + ACCESS_LIFE_MS
    this.#expiryByAccessToken.set(accessToken, expiresAt)
    this.#expiryByRefreshToken.set(refreshToken, this.#now() + REFRESH_LIFE_MS)
    return this.#respond(200, 'application/json; charset=utf-8', {
      accessToken,
      expires: new Date(expiresAt).toISOString(),
      refreshToken,
    })
  }

  /** `iat` is not in the future, and at most five minutes old. A `jti` counts once. */
  #answerAssertion({ body }: DoubleRequest): Response {
    const form = new URLSearchParams(body)
    const [header, claims] = (form.get('client_assertion') ?? '')
      .split('.')
      .slice(0, 2)
      .map((part) => JSON.parse(Buffer.from(part, 'base64url').toString()))
    const now = this.#now() / SECOND_MS
    const isRight =
      form.get('grant_type') === 'client_credentials' &&
      typeof header.kid === 'string' &&
      claims.iss === claims.sub &&
      claims.aud === `${DOUBLE_URL}/v2/auth/token` &&
      claims.iat <= now &&
      claims.iat >= now - 300 &&
      claims.exp > now &&
      !this.#usedJtis.has(claims.jti)
    if (!isRight || !this.isKeyEnabled) {
      const refusal = { error: 'invalid_request', error_description: '', error_uri: '' }
      return this.#respond(400, 'application/json', refusal)
    }
    this.#usedJtis.add(claims.jti)
    const accessToken = `at-${++this.#issued}`
    this.#deleteExpired()
    this.#expiryByAccessToken.set(accessToken, this.#now() + OAUTH_LIFE_MS)
    return this.#respond(200, 'application/json', {
      access_token: accessToken,
      scope: 'fhir:production',
      token_type: 'Bearer',
      expires_in: OAUTH_LIFE_MS / SECOND_MS,
    })
  }

  #answerApi({ authorization }: DoubleRequest): Response {
    const token = authorization?.replace('Bearer ', '') ?? ''
    const isAlive = (this.#expiryByAccessToken.get(token) ?? 0) > this.#now()
    return isAlive ? this.#respond(200, 'application/json', { Meta: {} }) : this.#refuse()
  }

  #refuse(): Response {
    return this.#respond(401, 'text/html; charset=utf-8', 'Invalid request')
  }

  #respond(status: number, type: string, body: object | string): Response {
    return new Response(typeof body === 'string' ? body : JSON.stringify(body), {
      status,
      headers: { 'Content-Type': type, Date: new Date(this.#now()).toUTCString() },
    })
  }

  #deleteExpired(): void {
    for (const expiries of [this.#expiryByAccessToken, this.#expiryByRefreshToken]) {
      for (const [token, expiresAt] of expiries) {
        if (expiresAt <= this.#now()) expiries.delete(token)
      }
    }
    if (this.#usedJtis.size > 10_000) this.#usedJtis.clear()
  }
}
