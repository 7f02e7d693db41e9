import { generateKeyPairSync } from 'node:crypto'
import { createServer } from 'node:http'
import Provider, { type Adapter, type AdapterPayload } from 'oidc-provider'
import {
  createCallers,
  listen,
  openPeerDatabase,
  type PeerCaller,
  TOKEN_SECONDS,
} from './support.ts'

/*
 * As its documentation: opaque tokens, kept by an adapter that is written after its example, here on
 * SQLite. Clients are in its configuration. Refresh tokens rotate at each use.
 */

const db = openPeerDatabase(`
  CREATE TABLE models (key TEXT PRIMARY KEY, payload TEXT NOT NULL, grant_id TEXT, expires_at INTEGER) WITHOUT ROWID;
  CREATE INDEX models_by_grant ON models (grant_id) WHERE grant_id IS NOT NULL`)
const upsert = db.prepare('INSERT OR REPLACE INTO models VALUES (?, ?, ?, ?)')
const find = db
  .prepare('SELECT payload FROM models WHERE key = ? AND (expires_at > ? OR expires_at IS NULL)')
  .pluck()
const consume = db.prepare(
  `UPDATE models SET payload = json_set(payload, '$.consumed', ?) WHERE key = ?`,
)
const destroy = db.prepare('DELETE FROM models WHERE key = ?')
const revokeByGrantId = db.prepare('DELETE FROM models WHERE grant_id = ?')

class SqliteAdapter implements Adapter {
  readonly name: string
  constructor(name: string) {
    this.name = name
  }
  async upsert(id: string, payload: AdapterPayload, expiresIn: number) {
    const expiresAt = expiresIn ? Date.now() + expiresIn * 1000 : null
    upsert.run(`${this.name}:${id}`, JSON.stringify(payload), payload.grantId ?? null, expiresAt)
  }
  async find(id: string) {
    const payload = find.get(`${this.name}:${id}`, Date.now())
    return payload === undefined ? undefined : JSON.parse(payload as string)
  }
  async findByUserCode() {
    return undefined
  }
  async findByUid() {
    return undefined
  }
  async consume(id: string) {
    consume.run(Math.floor(Date.now() / 1000), `${this.name}:${id}`)
  }
  async destroy(id: string) {
    destroy.run(`${this.name}:${id}`)
  }
  async revokeByGrantId(grantId: string) {
    revokeByGrantId.run(grantId)
  }
}

const clients = createCallers()
const kid = 'bench'
const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const jwks = { keys: [{ ...publicKey.export({ format: 'jwk' }), kid }] }
const toSigningId = (id: string) => `signing-${id}`
const provider = new Provider('http://localhost', {
  adapter: SqliteAdapter,
  clients: clients.flatMap(({ id, secret }) => [
    {
      client_id: id,
      client_secret: secret,
      token_endpoint_auth_method: 'client_secret_post',
      grant_types: ['client_credentials', 'authorization_code', 'refresh_token'],
      redirect_uris: ['https://client.example/callback'],
    },
    {
      client_id: toSigningId(id),
      token_endpoint_auth_method: 'private_key_jwt',
      jwks,
      grant_types: ['client_credentials'],
      redirect_uris: [],
      response_types: [],
    },
    {
      client_id: `resource-server-${id}`,
      client_secret: secret,
      token_endpoint_auth_method: 'client_secret_basic',
      grant_types: [],
      redirect_uris: [],
      response_types: [],
    },
  ]),
  features: {
    clientCredentials: { enabled: true },
    devInteractions: { enabled: false },
    introspection: { enabled: true },
  },
  scopes: ['openid', 'offline_access', 'messages'],
  rotateRefreshToken: true,
  ttl: { AccessToken: TOKEN_SECONDS, ClientCredentials: TOKEN_SECONDS },
  findAccount: (_, accountId) => ({ accountId, claims: async () => ({ sub: accountId }) }),
})

provider.use(async (ctx, next) => {
  if (ctx.path !== '/messages') return next()
  const token = ctx.get('Authorization').slice('Bearer '.length)
  const found = await provider.ClientCredentials.find(token)
  if (found === undefined || found.isExpired) {
    ctx.status = 401
    ctx.body = { error: 'invalid_token' }
    return
  }
  const chunks: Buffer[] = []
  for await (const chunk of ctx.req) chunks.push(chunk)
  ctx.body = { received: JSON.parse(Buffer.concat(chunks).toString()).Meta.DataModel }
})

const callers: PeerCaller[] = []
for (const { id, secret } of clients) {
  const client = await provider.Client.find(id)
  const grant = new provider.Grant({ accountId: 'user', clientId: id })
  grant.addOIDCScope('offline_access messages')
  const grantId = await grant.save()
  const token = new provider.RefreshToken({
    accountId: 'user',
    client,
    grantId,
    scope: 'offline_access messages',
    gty: 'authorization_code',
    authTime: Math.floor(Date.now() / 1000),
  })
  const basic = Buffer.from(`resource-server-${id}:${secret}`).toString('base64')
  callers.push({
    id,
    secret,
    refreshToken: await token.save(),
    client: {
      clientId: toSigningId(id),
      kid,
      privateKey: privateKey.export({ format: 'jwk' }),
      resourceServer: `Basic ${basic}`,
    },
  })
}

listen(createServer(provider.callback()), callers)
