import jwt from '@fastify/jwt'
import fastify from 'fastify'
import {
  announce,
  createCallers,
  createSecret,
  digest,
  openPeerDatabase,
  TOKEN_SECONDS,
} from './support.ts'

/*
 * As the README of @fastify/jwt: HS256, `sign` and `jwtVerify`, a namespace for refresh tokens. Clients and
 * API keys are rows of SQLite, read at each request; tokens are nowhere.
 */

const db = openPeerDatabase(`
  CREATE TABLE clients (id TEXT PRIMARY KEY, secret TEXT NOT NULL) WITHOUT ROWID;
  CREATE TABLE api_keys (digest TEXT PRIMARY KEY, client_id TEXT NOT NULL) WITHOUT ROWID`)
const insertClient = db.prepare('INSERT INTO clients VALUES (?, ?)')
const insertApiKey = db.prepare('INSERT INTO api_keys VALUES (?, ?)')
const findClient = db.prepare('SELECT id FROM clients WHERE id = ? AND secret = ?')
const findApiKey = db.prepare('SELECT client_id FROM api_keys WHERE digest = ?')

const app = fastify()
await app.register(jwt, {
  secret: createSecret(),
  sign: { expiresIn: `${TOKEN_SECONDS}s` },
  namespace: 'access',
  jwtVerify: 'accessVerify',
})
await app.register(jwt, {
  secret: createSecret(),
  sign: { expiresIn: `${7 * TOKEN_SECONDS}s` },
  namespace: 'refresh',
})

app.post('/token', (request, reply) => {
  const { grant_type, client_id, client_secret, refresh_token } = request.body
  if (findClient.get(client_id, digest(client_secret)) === undefined)
    return reply.code(401).send({ error: 'invalid_client' })
  const payload = { sub: client_id }
  const tokens = { access_token: app.jwt.access.sign(payload), expires_in: TOKEN_SECONDS }
  if (grant_type !== 'refresh_token') return reply.send(tokens)
  const { sub } = app.jwt.refresh.verify(refresh_token)
  if (sub !== client_id) return reply.code(400).send({ error: 'invalid_grant' })
  return reply.send({ ...tokens, refresh_token: app.jwt.refresh.sign(payload) })
})

app.post('/messages', { onRequest: (request) => request.accessVerify() }, (request, reply) =>
  reply.send({ received: request.body.Meta.DataModel }),
)

app.get('/resource', (request, reply) => {
  const row = findApiKey.get(digest(request.headers['x-api-key'] ?? ''))
  return row === undefined ? reply.code(401).send({ error: 'invalid_key' }) : reply.send(row)
})

await app.ready()
const callers = db.transaction(() =>
  createCallers().map(({ id, secret }) => {
    const apiKey = createSecret()
    insertClient.run(id, digest(secret))
    insertApiKey.run(digest(apiKey), id)
    return { id, secret, apiKey, refreshToken: app.jwt.refresh.sign({ sub: id }) }
  }),
)()

await app.listen({ host: '127.0.0.1', port: 0 })
announce(app.server.address(), callers)
