import { createServer, type IncomingMessage } from 'node:http'
import OAuth2Server from '@node-oauth/oauth2-server'
import {
  createCallers,
  createSecret,
  listen,
  openPeerDatabase,
  type PeerCaller,
  TOKEN_SECONDS,
} from './support.ts'

/* As its documentation: a model of the application's, which keeps tokens as they are, in SQLite. */

const db = openPeerDatabase(`
  CREATE TABLE clients (id TEXT PRIMARY KEY, secret TEXT NOT NULL) WITHOUT ROWID;
  CREATE TABLE access_tokens (token TEXT PRIMARY KEY, client_id TEXT NOT NULL, expires_at INTEGER NOT NULL) WITHOUT ROWID;
  CREATE TABLE refresh_tokens (token TEXT PRIMARY KEY, client_id TEXT NOT NULL, expires_at INTEGER NOT NULL) WITHOUT ROWID`)
const insertClient = db.prepare('INSERT INTO clients VALUES (?, ?)')
const insertAccessToken = db.prepare('INSERT INTO access_tokens VALUES (?, ?, ?)')
const insertRefreshToken = db.prepare('INSERT INTO refresh_tokens VALUES (?, ?, ?)')
const findClient = db.prepare('SELECT id FROM clients WHERE id = ? AND (secret = ? OR ? IS NULL)')
const findAccessToken = db.prepare('SELECT * FROM access_tokens WHERE token = ?')
const findRefreshToken = db.prepare('SELECT * FROM refresh_tokens WHERE token = ?')
const deleteRefreshToken = db.prepare('DELETE FROM refresh_tokens WHERE token = ?')

const toClient = (id: string) => ({ id, grants: ['client_credentials', 'refresh_token'] })
const toUser = (id: string) => ({ id })

const server = new OAuth2Server({
  accessTokenLifetime: TOKEN_SECONDS,
  refreshTokenLifetime: 7 * TOKEN_SECONDS,
  model: {
    getClient: async (id, secret) =>
      findClient.get(id, secret, secret) === undefined ? false : toClient(id),
    getUserFromClient: async ({ id }) => toUser(id),
    saveToken: db.transaction((token, client, user) => {
      const { accessToken, accessTokenExpiresAt, refreshToken, refreshTokenExpiresAt } = token
      insertAccessToken.run(accessToken, client.id, accessTokenExpiresAt.getTime())
      if (refreshToken !== undefined)
        insertRefreshToken.run(refreshToken, client.id, refreshTokenExpiresAt.getTime())
      return { ...token, client, user }
    }),
    getAccessToken: async (accessToken) => {
      const row = findAccessToken.get(accessToken)
      const accessTokenExpiresAt = new Date(row?.expires_at)
      return (
        row && {
          accessToken,
          accessTokenExpiresAt,
          client: toClient(row.client_id),
          user: toUser(row.client_id),
        }
      )
    },
    getRefreshToken: async (refreshToken) => {
      const row = findRefreshToken.get(refreshToken)
      const refreshTokenExpiresAt = new Date(row?.expires_at)
      return (
        row && {
          refreshToken,
          refreshTokenExpiresAt,
          client: toClient(row.client_id),
          user: toUser(row.client_id),
        }
      )
    },
    revokeToken: async ({ refreshToken }) => deleteRefreshToken.run(refreshToken).changes === 1,
  },
})

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk)
  return Buffer.concat(chunks).toString()
}

const http = createServer(async (incoming, outgoing) => {
  const text = await readBody(incoming)
  const { method = '', headers, url } = incoming
  const response = new OAuth2Server.Response()
  let body: unknown
  try {
    if (url === '/token') {
      const form = Object.fromEntries(new URLSearchParams(text))
      await server.token(
        new OAuth2Server.Request({ method, headers, query: {}, body: form }),
        response,
      )
      body = response.body
    } else {
      await server.authenticate(new OAuth2Server.Request({ method, headers, query: {} }), response)
      body = { received: JSON.parse(text).Meta.DataModel }
    }
  } catch (error) {
    response.status = error.code ?? 500
    body = { error: error.name, message: error.message }
  }
  const json = JSON.stringify(body)
  outgoing.writeHead(response.status ?? 200, {
    ...response.headers,
    'Content-Type': 'application/json',
    'Content-Length': Buffer.byteLength(json),
  })
  outgoing.end(json)
})

const callers: PeerCaller[] = db.transaction(() =>
  createCallers().map(({ id, secret }) => {
    // As long as the library's own, which are the SHA-256 of random bytes.
    const refreshToken = Buffer.from(createSecret(), 'base64url').toString('hex')
    insertClient.run(id, secret)
    insertRefreshToken.run(refreshToken, id, Date.now() + 7 * TOKEN_SECONDS * 1000)
    return { id, secret, refreshToken }
  }),
)()

listen(http, callers)
