import { createTotp } from '../../../src/crypto/totp.ts'
import { type ImportedSecret, parseSecretCheck } from '../../../src/domain/imported-secret.ts'
import { createQrCode } from '../../../src/service/sign-in/second-factor.ts'
import { type D1Database, openD1 } from '../../../src/worker/d1.ts'
import { workerSecretChecks } from '../../../src/worker/hash-functions.ts'
import { createArgon2, workerPrimitives } from '../../../src/worker/primitives.ts'

/*
 * A Worker that does for a test what only a Worker can: the D1 engine and WebAssembly, at work in
 * workerd, asked from Node by JSON.
 */

let engine: ReturnType<typeof openD1> | undefined
let argon2: ReturnType<typeof createArgon2> | undefined

const totp = createTotp(workerPrimitives)

type HarnessCommand =
  | { do: 'read'; step: { sql: string; values: unknown[] } }
  | { do: 'atomic'; steps: { sql: string; values: unknown[] }[] }
  | { do: 'hash'; secret: string }
  | { do: 'verify'; phc: string; secret: string }
  | { do: 'check'; secret: string; imported: ImportedSecret; pepper: string | null }
  | { do: 'totp'; secret: string; code: string; now: number }

async function handleRequest(command: HarnessCommand, db: D1Database): Promise<unknown> {
  engine ??= openD1(db)
  argon2 ??= createArgon2()
  switch (command.do) {
    case 'read':
      return engine.read(command.step)
    case 'atomic':
      return engine.atomic(command.steps)
    case 'hash':
      return argon2.hash(command.secret)
    case 'verify':
      return argon2.verify(command.phc, command.secret)
    case 'check': {
      const { bounds, check } = workerSecretChecks
      const parsed = parseSecretCheck(command.imported, bounds)
      if (!parsed.ok) return parsed.failure
      const pepper = command.pepper === null ? null : new TextEncoder().encode(command.pepper)
      return check(command.secret, parsed.value, pepper)
    }
    case 'totp': {
      const uri = totp.createUri(command.secret, 'dr')
      return {
        step: totp.findTimeStep(command.secret, command.code, command.now),
        uri,
        qr: createQrCode(uri),
      }
    }
  }
}

export default {
  async fetch(request: Request, env: { DB: D1Database }): Promise<Response> {
    try {
      return Response.json({
        value: await handleRequest((await request.json()) as HarnessCommand, env.DB),
      })
    } catch (error) {
      const { name, message } = error as Error
      return Response.json({ name, message })
    }
  },
}
