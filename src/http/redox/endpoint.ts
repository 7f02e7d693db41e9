import { Hono } from 'hono'
import { fail, ok, type Result } from '../../domain/failure.ts'
import type { Accept, Incoming } from '../../service/accept.ts'
import type { Guard } from '../../service/guard.ts'
import type { Quota } from '../../service/guesses.ts'
import type { Log } from '../../service/ports.ts'
import type { Caller, Refused } from '../../service/refused.ts'
import { bearerToken } from '../bearer.ts'
import { decodeText, readBody } from '../body.ts'
import type { HttpDeps } from '../caller.ts'
import { parseJson } from '../json.ts'
import { membersOf, objectOf, writeMember } from '../members.ts'
import { addPost } from '../post.ts'
import { json, jsonText, type Reply } from '../reply.ts'
import { echo, type Meta, onwardOf, readMeta, writeDelivered, writeReceipt } from './meta.ts'
import { missingFrom } from './payload.ts'
import { type Refusal, refuse, refuseBroken, refuseMethod, refuseUnavailable } from './refusals.ts'
import { createRoom, type Hold } from './room.ts'
import { META, withMeta } from './splice.ts'

export interface EndpointDeps extends HttpDeps {
  readonly guard: Guard
  readonly accept: Accept
  readonly quota: Quota
  readonly refused: Refused
  readonly log: Log
  readonly serial: () => number
  readonly subscriptionsUrl: string
  readonly messageLimitBytes: number
}

/** Of long messages so many bytes are held at once; while one is read, that takes some twice as much memory. */
const ROOM_BYTES = 512 * 1024 * 1024

/** `POST /endpoint` and `POST /query`: one handler; whether a caller waits is decided by the event. */
export function redoxEndpoint(deps: EndpointDeps): Hono {
  const { guard, accept, quota, refused, serial, subscriptionsUrl, messageLimitBytes } = deps
  const enter = createRoom(Math.max(ROOM_BYTES, messageLimitBytes))
  const app = new Hono()

  for (const path of ['/endpoint', '/query']) {
    addPost(app, path, deps, {
      async answer(request, caller) {
        const seen: Seen = {}
        const hold = enter()
        try {
          const received = await receive(request, caller, seen, hold)
          if (received.ok) return received.value
          refused('message', received.failure, caller)
          return refuse(received.failure, refusalOf(seen))
        } finally {
          hold.leave()
        }
      },
      notPost: () => refuseMethod(refusalOf()),
      unavailable: (seconds) => refuseUnavailable(seconds, refusalOf()),
      broken: () => refuseBroken(refusalOf()),
    })
  }
  return app

  /** Nobody's body is read before his token is judged. */
  async function receive(
    request: Request,
    caller: Caller,
    seen: Seen,
    hold: Hold,
  ): Promise<Result<Reply>> {
    const within = quota(caller.address)
    if (!within.ok) return within
    const token = bearerToken(request.headers.get('authorization'))
    if (!token.ok) return token
    const principal = await guard(token.value, caller.address)
    if (!principal.ok) return principal

    const payload = await readBody(request, messageLimitBytes, hold.reserve)
    if (!payload.ok) return payload
    const read = readMessage(payload.value, seen)
    if (!read.ok) return read
    const { meta, text } = read.value

    const receipt = await accept(
      principal.value,
      {
        ...envelopeOf(meta),
        payload: payload.value,
        render: (accepted) => withMeta(text, writeDelivered(meta, onwardOf(accepted))),
        signal: () => request.signal,
      },
      caller,
    )
    if (!receipt.ok) return receipt
    const { answer, route } = receipt.value
    const Meta = writeReceipt(meta, receipt.value)
    if (answer === null) return ok(json(200, { Meta }))
    const found = readAnswer(answer, route.hops[0].destination.id)
    // The payload first, then Meta.
    return found.ok ? ok(jsonText(200, objectOf([...found.value, writeMember(META, Meta)]))) : found
  }

  function refusalOf(seen: Seen = {}): Refusal {
    return {
      echo: seen.message === undefined ? undefined : echo(seen.message),
      serial: serial(),
      subscriptionsUrl,
    }
  }
}

/** What was read so far: a refusal echoes it. */
interface Seen {
  message?: unknown
}

function readMessage(payload: Uint8Array, seen: Seen): Result<{ meta: Meta; text: string }> {
  const text = decodeText(payload)
  if (!text.ok) return text
  const parsed = parseJson(text.value)
  if (!parsed.ok) return parsed
  const message = parsed.value
  seen.message = message
  const meta = readMeta(message)
  if (!meta.ok) return meta
  const missing = missingFrom(message, meta.value)
  return missing === null ? ok({ meta: meta.value, text: text.value }) : fail(missing)
}

const envelopeOf = (meta: Meta): Omit<Incoming, 'payload' | 'render' | 'signal'> => ({
  dataModel: meta.DataModel,
  eventType: meta.EventType,
  sourceId: meta.Source?.ID ?? null,
  destinationIds: meta.Destinations.map(({ ID }) => ID),
  test: meta.Test ?? false,
})

/**
 * What a destination found: the members of an object as it wrote them, none where there is nothing.
 * Its own `Meta` is not the caller's.
 */
function readAnswer(answer: string, destinationId: string): Result<string[]> {
  if (answer.trim() === '') return ok([])
  const parsed = parseJson(answer)
  const value = parsed.ok ? parsed.value : null
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    const detail = 'its answer is not a JSON object'
    return fail({ reason: 'destination_failed', destinationId, detail })
  }
  const found = membersOf(answer).filter(({ name }) => name !== META)
  return ok(found.map(({ text }) => text))
}
