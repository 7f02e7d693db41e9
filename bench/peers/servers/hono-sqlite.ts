import { createServer } from 'node:http'
import { getRequestListener } from '@hono/node-server'
import { Hono } from 'hono'
import {
  createCallers,
  createSecret,
  digest,
  listen,
  openPeerDatabase,
  type PeerCaller,
  TOKEN_SECONDS,
} from './support.ts'

/* The code that an experienced developer writes by hand: random tokens whose SHA-256 is a row of SQLite. */

const db = openPeerDatabase(`
  CREATE TABLE clients (id TEXT PRIMARY KEY, secret TEXT NOT NULL) WITHOUT ROWID;
  CREATE TABLE api_keys (digest TEXT PRIMARY KEY, client_id TEXT NOT NULL) WITHOUT ROWID;
  CREATE TABLE access_tokens (digest TEXT PRIMARY KEY, client_id TEXT NOT NULL, expires_at INTEGER NOT NULL) WITHOUT ROWID;
  CREATE TABLE refresh_tokens (digest TEXT PRIMARY KEY, client_id TEXT NOT NULL, expires_at INTEGER NOT NULL) WITHOUT ROWID`)

const insertClient = db.prepare('INSERT INTO clients VALUES (?, ?)')
const insertApiKey = db.prepare('INSERT INTO api_keys VALUES (?, ?)')
const insertAccessToken = db.prepare('INSERT INTO access_tokens VALUES (?, ?, ?)')
const insertRefreshToken = db.prepare('INSERT INTO refresh_tokens VALUES (?, ?, ?)')
const findClient = db.prepare('SELECT id FROM clients WHERE id = ? AND secret = ?')
const findApiKey = db.prepare('SELECT client_id FROM api_keys WHERE digest = ?')
const findAccessToken = db.prepare(
  'SELECT client_id FROM access_tokens WHERE digest = ? AND expires_at > ?',
)
const takeRefreshToken = db.prepare(
  'DELETE FROM refresh_tokens WHERE digest = ? AND client_id = ? AND expires_at > ?',
)

const issue = (insert: typeof insertAccessToken, clientId: string, seconds = TOKEN_SECONDS) => {
  const token = createSecret()
  insert.run(digest(token), clientId, Date.now() + seconds * 1000)
  return token
}

const rotate = db.transaction((token: string, clientId: string) => {
  const { changes } = takeRefreshToken.run(digest(token), clientId, Date.now())
  if (changes === 0) return null
  const access_token = issue(insertAccessToken, clientId)
  return { access_token, refresh_token: issue(insertRefreshToken, clientId, 7 * TOKEN_SECONDS) }
})

const app = new Hono()

app.post('/token', async (c) => {
  const { grant_type, client_id, client_secret, refresh_token } =
    await c.req.json<Record<string, string>>()
  if (client_id === undefined || client_secret === undefined || grant_type === undefined)
    return c.json({ error: 'invalid_request' }, 400)
  if (findClient.get(client_id, digest(client_secret)) === undefined)
    return c.json({ error: 'invalid_client' }, 401)
  const tokens =
    grant_type === 'refresh_token'
      ? rotate(refresh_token ?? '', client_id)
      : { access_token: issue(insertAccessToken, client_id) }
  if (tokens === null) return c.json({ error: 'invalid_grant' }, 400)
  return c.json({ ...tokens, token_type: 'Bearer', expires_in: TOKEN_SECONDS })
})

app.post('/messages', async (c) => {
  const token = c.req.header('Authorization')?.slice('Bearer '.length) ?? ''
  if (findAccessToken.get(digest(token), Date.now()) === undefined)
    return c.json({ error: 'invalid_token' }, 401)
  const message = await c.req.json<{ Meta: { DataModel: string } }>()
  return c.json({ received: message.Meta.DataModel })
})

app.get('/resource', (c) => {
  const row = findApiKey.get(digest(c.req.header('X-API-Key') ?? ''))
  return row === undefined ? c.json({ error: 'invalid_key' }, 401) : c.json(row)
})

const callers: PeerCaller[] = db.transaction(() =>
  createCallers().map(({ id, secret }) => {
    const apiKey = createSecret()
    insertClient.run(id, digest(secret))
    insertApiKey.run(digest(apiKey), id)
    return { id, secret, apiKey, refreshToken: issue(insertRefreshToken, id, 7 * TOKEN_SECONDS) }
  }),
)()

listen(createServer(getRequestListener(app.fetch)), callers)
