import { createServer } from 'node:http'
import { apiKey } from '@better-auth/api-key'
import { getOAuthProviderApi, oauthProvider } from '@better-auth/oauth-provider'
import { getRequestListener } from '@hono/node-server'
import { betterAuth } from 'better-auth'
import { createAuthEndpoint } from 'better-auth/api'
import { getMigrations } from 'better-auth/db/migration'
import { jwt } from 'better-auth/plugins'
import { Hono } from 'hono'
import { z } from 'zod'
import {
  createCallers,
  createSecret,
  digest,
  listen,
  openPeerDatabase,
  type PeerCaller,
  TOKEN_SECONDS,
} from './support.ts'

/*
 * As its documentation: on Hono, with the plugins for API keys and for an OAuth 2.1 provider, on SQLite. The
 * limits of requests are high, because the defaults would end the load.
 */

const oauthOptions = {
  loginPage: '/sign-in',
  consentPage: '/consent',
  scopes: ['offline_access', 'messages'],
  accessTokenExpiresIn: TOKEN_SECONDS,
  m2mAccessTokenExpiresIn: TOKEN_SECONDS,
  silenceWarnings: { oauthAuthServerConfig: true, openidConfig: true },
}

/** A protected resource beside the provider, which asks it without HTTP. */
const tokenGuard = {
  id: 'token-guard',
  endpoints: {
    requireAccessToken: createAuthEndpoint(
      '/require-access-token',
      { method: 'POST', body: z.object({ token: z.string() }), metadata: { SERVER_ONLY: true } },
      (c) => getOAuthProviderApi(c, oauthOptions).requireActiveAccessToken(c.body.token),
    ),
  },
}

const options = {
  baseURL: 'http://localhost',
  secret: createSecret(),
  database: openPeerDatabase(),
  rateLimit: { enabled: false },
  telemetry: { enabled: false },
  logger: { level: 'error' as const },
  plugins: [
    jwt(),
    oauthProvider(oauthOptions),
    tokenGuard,
    apiKey({ rateLimit: { enabled: true, timeWindow: 1000, maxRequests: 1_000_000_000 } }),
  ],
}
const { runMigrations } = await getMigrations(options)
await runMigrations()
const auth = betterAuth(options)
const { adapter, internalAdapter } = await auth.$context

const user = await internalAdapter.createUser({
  email: 'user@vendor.example',
  name: 'Vendor',
  emailVerified: true,
})
const callers: PeerCaller[] = []
for (const { id, secret } of createCallers()) {
  const scopes = ['offline_access', 'messages']
  await adapter.create({
    model: 'oauthClient',
    data: {
      clientId: id,
      clientSecret: digest(secret),
      name: id,
      userId: user.id,
      disabled: false,
      scopes,
      clientCredentialsScopes: ['messages'],
      redirectUris: ['https://client.example/callback'],
      grantTypes: ['client_credentials', 'authorization_code', 'refresh_token'],
      responseTypes: ['code'],
      tokenEndpointAuthMethod: 'client_secret_post',
      createdAt: new Date(),
      updatedAt: new Date(),
    },
  })
  const refreshToken = createSecret()
    .replace(/[^A-Za-z]/g, 'x')
    .slice(0, 32)
  await adapter.create({
    model: 'oauthRefreshToken',
    data: {
      token: digest(refreshToken),
      clientId: id,
      userId: user.id,
      scopes,
      createdAt: new Date(),
      expiresAt: new Date(Date.now() + 7 * TOKEN_SECONDS * 1000),
    },
  })
  const { key } = await auth.api.createApiKey({ body: { name: id, userId: user.id } })
  callers.push({ id, secret, refreshToken, apiKey: key })
}

const app = new Hono()
app.on(['POST', 'GET'], '/api/auth/*', (c) => auth.handler(c.req.raw))

app.onError((error, c) => c.json({ error: error.message }, error.statusCode ?? 500))
app.post('/messages', async (c) => {
  const token = c.req.header('Authorization')?.slice('Bearer '.length) ?? ''
  await auth.api.requireAccessToken({ body: { token } })
  const message = await c.req.json<{ Meta: { DataModel: string } }>()
  return c.json({ received: message.Meta.DataModel })
})

app.get('/resource', async (c) => {
  const { valid, key } = await auth.api.verifyApiKey({
    body: { key: c.req.header('X-API-Key') ?? '' },
  })
  return valid ? c.json({ key: key.id }) : c.json({ error: 'invalid_key' }, 401)
})

listen(createServer(getRequestListener(app.fetch)), callers)
