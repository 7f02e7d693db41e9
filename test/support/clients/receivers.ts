import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { z } from 'zod'

/*
 * Destinations in the shape of those that are in the field: they check the token before all else, take
 * Meta by a strict schema, and forget a message whose id they have seen.
 */

const uuid = z.uuid()

/** What the documentation promises of every delivered `Meta`, and what this sender wrote beside it. */
export const DELIVERED_META = z.object({
  DataModel: z.string(),
  EventType: z.string(),
  EventDateTime: z.iso.datetime(),
  Test: z.boolean(),
  Source: z.strictObject({ ID: uuid, Name: z.string() }),
  Destinations: z.array(z.strictObject({ ID: uuid, Name: z.string() })).min(1),
  Logs: z.array(z.strictObject({ ID: uuid, AttemptID: uuid })).min(1),
  Message: z.object({ ID: z.number().int().positive() }),
})

export interface Delivered {
  readonly meta: z.output<typeof DELIVERED_META> & Readonly<Record<string, unknown>>
  readonly text: string
  /** Whether its id had been seen before. */
  readonly again: boolean
}

interface Conduct {
  /** How it repeats the challenge. */
  readonly repeat: 'bare' | 'quoted' | 'json'
  /** The status of each message in turn; 200 after that. */
  readonly statuses?: readonly number[]
  /** What a query is answered with. */
  readonly answer?: object
}

export async function startStrictReceiver(token: string, conduct: Conduct) {
  const delivered: Delivered[] = []
  const problems: string[] = []
  const seen = new Set<number>()
  const statuses = [...(conduct.statuses ?? [])]

  const server = createServer(async (request, response) => {
    let text = ''
    for await (const chunk of request.setEncoding('utf8')) text += chunk
    // Middleware before any route, as an unmodified public receiver has it.
    if (request.headers['verification-token'] !== token) return end(response, 401, 'unauthorized')
    const challenge = challengeOf(request, text)
    if (challenge !== null) return end(response, 200, repeated(challenge))
    const message = JSON.parse(text) as { Meta: unknown }
    const meta = DELIVERED_META.safeParse(message.Meta)
    if (!meta.success) {
      problems.push(z.prettifyError(meta.error))
      return end(response, 400, 'Meta is not as documented')
    }
    const whole = { ...(message.Meta as object), ...meta.data }
    const { ID } = meta.data.Message
    delivered.push({ meta: whole, text, again: seen.has(ID) })
    seen.add(ID)
    end(response, statuses.shift() ?? 200, JSON.stringify(conduct.answer ?? {}))
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

  function repeated(challenge: string): string {
    if (conduct.repeat === 'bare') return challenge
    return JSON.stringify(conduct.repeat === 'quoted' ? challenge : { challenge })
  }
}

/** Of a verification request, whose token is in its body or query too; null of a message. */
function challengeOf(request: IncomingMessage, text: string): string | null {
  if (request.method === 'GET') {
    const { searchParams } = new URL(request.url ?? '', 'http://receiver')
    return searchParams.has('verification-token') ? searchParams.get('challenge') : null
  }
  const body = JSON.parse(text) as { challenge?: string; 'verification-token'?: string }
  return body['verification-token'] === undefined ? null : (body.challenge ?? null)
}

const end = (response: ServerResponse, status: number, text: string) => {
  response.writeHead(status, { 'Content-Type': 'application/json' }).end(text)
}
