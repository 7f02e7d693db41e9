import { Hono } from 'hono'
import type { Result } from '../../domain/failure.ts'
import type { Accept } from '../../service/accept.ts'
import type { Guard } from '../../service/guard.ts'
import type { Quota } from '../../service/guesses.ts'
import type { Log } from '../../service/ports.ts'
import type { Caller, Refused } from '../../service/refused.ts'
import { bearerToken } from '../bearer.ts'
import { readBody } from '../body.ts'
import type { HttpDeps } from '../caller.ts'
import { addPost } from '../post.ts'
import type { Reply } from '../reply.ts'
import { findEcho, incomingOf, readMessage, replyOf, type Seen } from './message.ts'
import { ENDPOINTS } from './paths.ts'
import { type Refusal, refuse, refuseBroken, refuseMethod, refuseUnavailable } from './refusals.ts'
import { createRoom, type Hold } from './room.ts'

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

  for (const path of ENDPOINTS) {
    addPost(app, path, deps, {
      async answer(request, caller) {
        const seen: Seen = {}
        const hold = enter()
        try {
          const received = await receive(request, caller, seen, hold)
          if (received.ok) return received.value
          refused('message', received.failure, caller)
          const reply = refuse(received.failure, refusalOf(seen))
          refused.recordAnswer(caller, reply)
          return reply
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
    caller.keyId = principal.value.key.id

    const payload = await readBody(request, messageLimitBytes, hold.reserve)
    if (!payload.ok) return payload
    const read = await readMessage(payload.value, seen)
    if (!read.ok) return read
    const incoming = incomingOf(payload.value, read.value, seen, () => request.signal)
    const receipt = await accept(principal.value, incoming, caller)
    return receipt.ok ? await replyOf(read.value, receipt.value) : receipt
  }

  function refusalOf(seen: Seen = {}): Refusal {
    return { echo: findEcho(seen), serial: serial(), subscriptionsUrl }
  }
}
