import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type ServerResponse,
} from 'node:http'
import type { AddressInfo } from 'node:net'
import { z } from 'zod'

/** The response of a destination to a message. */
export type DestinationBehavior = 'take' | 'refuse' | 'hang' | 'reset'

export interface ArrivedRequest {
  readonly path: string
  readonly headers: IncomingHttpHeaders
  readonly body: string
  readonly behavior: DestinationBehavior
}

/** A real destination, which behaves as the test tells it: by the path, and by what has arrived. */
export async function startDestination(
  chooseBehavior: (path: string, body: string) => DestinationBehavior,
) {
  const requests: ArrivedRequest[] = []
  const pendingResponses = new Set<ServerResponse>()
  const waiters = new Set<() => void>()
  const server = createServer(async (request, answer) => {
    let body = ''
    for await (const chunk of request.setEncoding('utf8')) body += chunk
    const path = request.url ?? ''
    const behavior = chooseBehavior(path, body)
    requests.push({ path, headers: request.headers, body, behavior })
    for (const check of waiters) check()
    if (behavior === 'take') answer.writeHead(204).end()
    else if (behavior === 'refuse') answer.writeHead(503).end('we are closed')
    else if (behavior === 'reset') request.socket.destroy()
    else pendingResponses.add(answer)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo

  return {
    url: `http://127.0.0.1:${port}`,
    requests,
    /** Resolves when so many have arrived. */
    waitForRequests: (count: number, pathPrefix = '') =>
      new Promise<void>((resolve) => {
        const check = () => {
          if (requests.filter(({ path }) => path.startsWith(pathPrefix)).length < count) return
          waiters.delete(check)
          resolve()
        }
        waiters.add(check)
        check()
      }),
    /** Answers the requests that hang. */
    release() {
      for (const answer of pendingResponses) answer.writeHead(204).end()
      pendingResponses.clear()
    },
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

export interface RecordedRequest {
  readonly path: string
  readonly body: string
}

/**
 * Starts a destination that repeats challenges and takes every message. Below `/closed` it repeats
 * challenges, too, and refuses messages.
 */
export async function startConsoleDestination() {
  const requests: RecordedRequest[] = []
  const server = createServer(async (request, answer) => {
    let body = ''
    for await (const chunk of request.setEncoding('utf8')) body += chunk
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://receiver')
    const challenge = searchParams.get('challenge') ?? readBodyChallenge(body)
    if (challenge !== null) return void answer.end(challenge)
    if (pathname.startsWith('/closed'))
      return void answer.writeHead(503).end('closed for the night')
    requests.push({ path: pathname, body })
    answer.writeHead(204).end()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    requests,
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

const readBodyChallenge = (body: string): string | null => {
  const { challenge } = JSON.parse(body || '{}') as { challenge?: unknown }
  return typeof challenge === 'string' ? challenge : null
}

export type ConsoleDestination = Awaited<ReturnType<typeof startConsoleDestination>>

/*
 * Destinations in the shape of those that are in the field: they check the token before all else, take
 * Meta by a strict schema, and forget a message whose id they have seen.
 */

const uuid = z.uuid()

/** The documented members of every delivered `Meta`, and those that this sender adds. */
export const DELIVERED_META_SCHEMA = z.object({
  DataModel: z.string(),
  EventType: z.string(),
  EventDateTime: z.iso.datetime(),
  Test: z.boolean(),
  Source: z.strictObject({ ID: uuid, Name: z.string() }),
  Destinations: z.array(z.strictObject({ ID: uuid, Name: z.string() })).min(1),
  Logs: z.array(z.strictObject({ ID: uuid, AttemptID: uuid })).min(1),
  Message: z.object({ ID: z.number().int().positive() }),
})

export interface DeliveredMessage {
  readonly meta: z.output<typeof DELIVERED_META_SCHEMA> & Readonly<Record<string, unknown>>
  readonly text: string
  /** True where a message with this id had arrived before. */
  readonly isDuplicate: boolean
}

interface StrictDestinationOptions {
  /** How it repeats the challenge. */
  readonly challengeFormat: 'bare' | 'quoted' | 'json'
  /** The status of each message in turn; 200 after that. */
  readonly statuses?: readonly number[]
  /** The response to a query. */
  readonly answer?: object
}

export async function startStrictDestination(token: string, options: StrictDestinationOptions) {
  const delivered: DeliveredMessage[] = []
  const problems: string[] = []
  const seenIds = new Set<number>()
  const statuses = [...(options.statuses ?? [])]

  const server = createServer(async (request, response) => {
    let text = ''
    for await (const chunk of request.setEncoding('utf8')) text += chunk
    // Middleware before any route, as an unmodified public receiver has it.
    if (request.headers['verification-token'] !== token)
      return sendJson(response, 401, 'unauthorized')
    const challenge = readChallenge(request, text)
    if (challenge !== null) return sendJson(response, 200, formatChallenge(challenge))
    const message = JSON.parse(text) as { Meta: unknown }
    const meta = DELIVERED_META_SCHEMA.safeParse(message.Meta)
    if (!meta.success) {
      problems.push(z.prettifyError(meta.error))
      return sendJson(response, 400, 'Meta is not as documented')
    }
    const fullMeta = { ...(message.Meta as object), ...meta.data }
    const { ID } = meta.data.Message
    delivered.push({ meta: fullMeta, text, isDuplicate: seenIds.has(ID) })
    seenIds.add(ID)
    sendJson(response, statuses.shift() ?? 200, JSON.stringify(options.answer ?? {}))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}/inbound`,
    delivered,
    problems,
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }

  function formatChallenge(challenge: string): string {
    if (options.challengeFormat === 'bare') return challenge
    return JSON.stringify(options.challengeFormat === 'quoted' ? challenge : { challenge })
  }
}

/** The challenge of a verification request, whose token is in its body or query too; null for a message. */
function readChallenge(request: IncomingMessage, text: string): string | null {
  if (request.method === 'GET') {
    const { searchParams } = new URL(request.url ?? '', 'http://receiver')
    return searchParams.has('verification-token') ? searchParams.get('challenge') : null
  }
  const body = JSON.parse(text) as { challenge?: string; 'verification-token'?: string }
  return body['verification-token'] === undefined ? null : (body.challenge ?? null)
}

const sendJson = (response: ServerResponse, status: number, text: string) => {
  response.writeHead(status, { 'Content-Type': 'application/json' }).end(text)
}
