import { createTotp } from '../../../src/crypto/totp.ts'
import { drawQr } from '../../../src/service/people/qr.ts'
import { createArgon2 } from '../../../src/worker/argon2.ts'
import { type D1, openD1 } from '../../../src/worker/d1.ts'
import { workerPrimitives } from '../../../src/worker/primitives.ts'

/*
 * A Worker that does for a test what only a Worker can: the D1 engine and WebAssembly, at work in
 * workerd, asked from Node by JSON.
 */

let engine: ReturnType<typeof openD1> | undefined
let argon2: ReturnType<typeof createArgon2> | undefined

const totp = createTotp(workerPrimitives)

type Ask =
  | { do: 'read'; step: { sql: string; values: unknown[] } }
  | { do: 'atomic'; steps: { sql: string; values: unknown[] }[] }
  | { do: 'hash'; secret: string }
  | { do: 'verify'; phc: string; secret: string }
  | { do: 'totp'; secret: string; code: string; now: number }

async function answer(ask: Ask, db: D1): Promise<unknown> {
  engine ??= openD1(db)
  argon2 ??= createArgon2()
  switch (ask.do) {
    case 'read':
      return engine.read(ask.step)
    case 'atomic':
      return engine.atomic(ask.steps)
    case 'hash':
      return argon2.hash(ask.secret)
    case 'verify':
      return argon2.verify(ask.phc, ask.secret)
    case 'totp': {
      const uri = totp.uri(ask.secret, 'dr')
      return { step: totp.stepOf(ask.secret, ask.code, ask.now), uri, qr: drawQr(uri) }
    }
  }
}

export default {
  async fetch(request: Request, env: { DB: D1 }): Promise<Response> {
    try {
      return Response.json({ value: await answer((await request.json()) as Ask, env.DB) })
    } catch (error) {
      const { name, message } = error as Error
      return Response.json({ name, message })
    }
  },
}
