import { spawnSync } from 'node:child_process'
import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { BenchCase } from '../cases.ts'
import {
  type Comparison,
  type Contender,
  compareCase,
  mkdirIn,
  seedCallers,
  startContender,
} from '../compare.ts'
import type { LoadScript } from '../load.ts'
import { createAssertionScripts, createIntrospectionScripts, type OAuthServer } from '../oauth.ts'
import type { BenchSettings } from '../options.ts'
import { resolveBenchPath, startBenchProcess } from '../process.ts'
import {
  buildGetRequest,
  buildPostRequest,
  createMessage,
  createRefreshScript,
  createRotatingScripts,
} from '../requests.ts'
import { showProgress } from '../text.ts'
import type { PeerCaller } from './servers/support.ts'

/** The work that peers do, too, by the name of Latchkey's case. */
export const PEER_WORKS = {
  authenticate: 'issue a token',
  refresh: 'refresh with rotation',
  'guard-refused': 'guard a 2 KB request',
  'api-key-xdent': 'API key at each request',
  'token-assertion': 'issue a token for an assertion that counts once',
  introspect: 'introspect a token',
} as const

type PeerWork = keyof typeof PEER_WORKS

/** How a server protects what it keeps. */
export interface PeerFacts {
  readonly secrets: string
  readonly tokens: string
  readonly synced: string
  readonly revocable: string
}

export const LATCHKEY_FACTS: PeerFacts = {
  secrets: 'argon2id or HMAC-SHA-256, with a key outside the database',
  tokens:
    'opaque with a MAC, or JWT with ES256 for OAuth clients; a row for each chain of refreshes',
  synced: 'refreshes; the use of an assertion',
  revocable: 'keys and chains, at the next request; reuse revokes the chain',
}

export interface Peer {
  /** Its package, whose version is reported with it. */
  readonly name: string
  readonly program: string
  readonly synchronous?: 'NORMAL'
  readonly tokenPath?: string
  readonly encoding: 'form' | 'json'
  readonly facts: PeerFacts
  /** Its work, and what it leaves out that Latchkey does. */
  readonly omits: Readonly<Partial<Record<PeerWork, string>>>
}

const BY_HAND = {
  program: 'hono-sqlite',
  encoding: 'json',
  omits: {
    authenticate: 'no refresh token, no limits, no audit',
    refresh: 'a lost response locks the client out; reuse revokes nothing',
    'guard-refused': 'JSON.parse, no route of the message, no limits, no audit',
    'api-key-xdent': 'no status of a key or an account, no limits, no last use, no audit',
  },
} as const

export const PEERS: readonly Peer[] = [
  {
    name: 'oidc-provider',
    program: 'oidc-provider',
    encoding: 'form',
    facts: {
      secrets: 'as they are, in its configuration',
      tokens: 'opaque, as they are, a row each',
      synced: 'each token',
      revocable: 'tokens and grants; reuse revokes the grant',
    },
    omits: {
      authenticate: '',
      refresh: '',
      'guard-refused': 'JSON.parse, no route, no limits',
      'token-assertion': 'an opaque token without a signature; no audit',
      introspect: 'one row of the token is read; no limits, no last use, no audit',
    },
  },
  {
    name: '@node-oauth/oauth2-server',
    program: 'oauth2-server',
    encoding: 'form',
    facts: {
      secrets: 'as they are, a row each',
      tokens: 'opaque, as they are, a row each',
      synced: 'each token; a refresh twice',
      revocable: 'tokens; reuse is not noticed',
    },
    omits: {
      authenticate: 'no refresh token, no limits, no audit',
      refresh: 'a lost response, or a failure between its two commits, locks the client out',
      'guard-refused': 'JSON.parse, no route of the message, no limits, no audit',
    },
  },
  {
    name: '@fastify/jwt',
    program: 'fastify-jwt',
    encoding: 'json',
    facts: {
      secrets: 'SHA-256, a row each',
      tokens: 'JWT with HS256, kept nowhere',
      synced: 'nothing',
      revocable: 'API keys; no token',
    },
    omits: {
      authenticate: 'no refresh token, no limits, no audit',
      refresh: 'nothing is stored: each refresh token works again until it expires',
      'guard-refused': 'no database: nothing can be revoked; JSON.parse, no route, no limits',
      'api-key-xdent': 'no status of a key or an account, no limits, no last use, no audit',
    },
  },
  {
    ...BY_HAND,
    name: 'Hono by hand, FULL',
    facts: {
      secrets: 'SHA-256, a row each',
      tokens: 'opaque, SHA-256, a row each',
      synced: 'each token',
      revocable: 'tokens and API keys; reuse is not noticed',
    },
  },
  {
    ...BY_HAND,
    name: 'Hono by hand, NORMAL',
    synchronous: 'NORMAL',
    facts: {
      secrets: 'SHA-256, a row each',
      tokens: 'opaque, SHA-256, a row each',
      synced: 'nothing: a power cut loses tokens and brings back used ones',
      revocable: 'tokens and API keys; reuse is not noticed',
    },
  },
  {
    name: 'better-auth',
    program: 'better-auth',
    tokenPath: '/api/auth/oauth2/token',
    encoding: 'form',
    facts: {
      secrets: 'SHA-256, a row each',
      tokens: 'opaque, SHA-256, a row each',
      synced: 'each token; each use of an API key',
      revocable: 'tokens and API keys; reuse revokes the family',
    },
    omits: { authenticate: '', refresh: '', 'guard-refused': '', 'api-key-xdent': '' },
  },
]

/** Measures the work of all in turn; Latchkey is the first of each comparison. */
export async function measurePeers(
  folder: string,
  settings: BenchSettings,
): Promise<readonly Comparison[]> {
  installPeers()
  const seeded = await seedCallers(join(folder, 'seeded'), settings)
  const contenders: Contender[] = []
  try {
    const latchkey = await startContender('sqlite', mkdirIn(folder, 'latchkey'), seeded, settings)
    contenders.push({ ...latchkey, label: 'Latchkey' })
    for (const peer of PEERS) contenders.push(await startPeer(peer, folder, settings))
    const comparisons: Comparison[] = []
    for (const benchCase of settings.cases) {
      const able = contenders.filter(({ label }) => canDo(label, benchCase.name))
      comparisons.push(...(await compareCase(folder, benchCase, able, settings)))
    }
    return comparisons
  } finally {
    for (const { served } of contenders) await served.stop()
  }
}

function canDo(label: string, work: string): boolean {
  const peer = PEERS.find(({ name }) => name === label)
  return peer === undefined || work in peer.omits
}

/** Installs the packages of peers beside this file, unless they are there. */
function installPeers(): void {
  const cwd = resolveBenchPath('./peers')
  const readTime = (name: string) =>
    statSync(join(cwd, name), { throwIfNoEntry: false })?.mtimeMs ?? 0
  if (readTime('node_modules/.package-lock.json') >= readTime('package-lock.json')) return
  showProgress('installing the peers')
  const { status, stderr } = spawnSync('npm', ['ci', '--no-audit', '--no-fund'], { cwd })
  if (status !== 0) throw new Error(`the peers could not be installed: ${stderr}`)
}

/** Returns the version of a peer's package, or '' for one without. */
export function readPeerVersion(name: string): string {
  const path = resolveBenchPath('./peers/package.json')
  const { dependencies } = JSON.parse(readFileSync(path, 'utf8')) as {
    dependencies: Readonly<Record<string, string>>
  }
  return dependencies[name] ?? ''
}

async function startPeer(
  peer: Peer,
  parentFolder: string,
  { connections }: BenchSettings,
): Promise<Contender> {
  const { name, program, synchronous = 'FULL' } = peer
  showProgress(`starting ${name}`)
  const folder = mkdirIn(parentFolder, `${program}-${synchronous}`)
  const path = resolveBenchPath(`./peers/servers/${program}.ts`)
  const args = [path, folder, String(connections), synchronous]
  const served = await startBenchProcess(args, join(folder, 'server.log'), {
    NODE_ENV: 'production',
  })
  const callers = JSON.parse(readFileSync(join(folder, 'callers.json'), 'utf8')) as PeerCaller[]
  return {
    label: name,
    served,
    prepare: (benchCase) => prepareWork(peer, benchCase, served.port, callers),
  }
}

/** Returns the scripts of a work, one for each caller. */
async function prepareWork(
  peer: Peer,
  { name }: BenchCase,
  port: number,
  callers: readonly PeerCaller[],
): Promise<LoadScript[]> {
  switch (name as PeerWork) {
    case 'authenticate':
      return createRotatingScripts(
        callers.map((caller) => buildTokenRequest(peer, caller)),
        callers.length,
      )
    case 'refresh':
      return callers.map((caller) => {
        const { refreshToken = '' } = caller
        const request = buildTokenRequest(peer, caller, refreshToken)
        return createRefreshScript(request, 'refresh_token', refreshToken)
      })
    case 'guard-refused': {
      const requests: Buffer[] = []
      for (const caller of callers) {
        const token = await fetchToken(peer, port, caller)
        const message = createMessage(caller.id, caller.id)
        requests.push(
          buildPostRequest('/messages', message, [['Authorization', `Bearer ${token}`]]),
        )
      }
      return createRotatingScripts(requests, callers.length)
    }
    case 'token-assertion':
      return createAssertionScripts(
        toOAuthServer(port),
        callers.flatMap(({ client }) => client ?? []),
        callers.length,
      )
    case 'introspect':
      return createIntrospectionScripts(
        toOAuthServer(port),
        callers.flatMap(({ client }) => client ?? []),
        callers.length,
      )
    case 'api-key-xdent': {
      const requests = callers.map(({ apiKey = '' }) =>
        buildGetRequest('/resource', [['X-API-Key', apiKey]]),
      )
      return createRotatingScripts(requests, callers.length)
    }
  }
}

/** The paths of oidc-provider, and the issuer that it is given. */
const toOAuthServer = (port: number): OAuthServer => ({
  port,
  issuer: 'http://localhost',
  tokenPath: '/token',
  introspectionPath: '/token/introspection',
})

const formatTokenBody = (
  encoding: Peer['encoding'],
  { id, secret }: PeerCaller,
  refreshToken: string | undefined,
): [body: string, type: string] => {
  const parameters = {
    grant_type: refreshToken === undefined ? 'client_credentials' : 'refresh_token',
    client_id: id,
    client_secret: secret,
    ...(refreshToken !== undefined && { refresh_token: refreshToken }),
  }
  return encoding === 'json'
    ? [JSON.stringify(parameters), 'application/json']
    : [new URLSearchParams(parameters).toString(), 'application/x-www-form-urlencoded']
}

function buildTokenRequest(
  { encoding, tokenPath = '/token' }: Peer,
  caller: PeerCaller,
  refreshToken?: string,
): Buffer {
  const [body, type] = formatTokenBody(encoding, caller, refreshToken)
  return buildPostRequest(tokenPath, body, [], type)
}

async function fetchToken(
  { encoding, tokenPath = '/token' }: Peer,
  port: number,
  caller: PeerCaller,
): Promise<string> {
  const [body, type] = formatTokenBody(encoding, caller, undefined)
  const answer = await fetch(`http://127.0.0.1:${port}${tokenPath}`, {
    method: 'POST',
    headers: { 'Content-Type': type },
    body,
  })
  return ((await answer.json()) as { access_token: string }).access_token
}
