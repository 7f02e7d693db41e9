import { v7 } from 'uuid'
import type { Clock, Random } from '../service/ports.ts'
import type { Primitives } from './primitives.ts'

const SERIAL_EPOCH = Date.UTC(2020, 0, 1)
const SERIALS_A_MS = 4096

export function createRandom(primitives: Primitives, clock: Clock): Random {
  let lastSerial = 0
  return {
    uuid: () => v7(),
    serial() {
      // Milliseconds since 2020 and a count: below 2^53 until the year 2089.
      lastSerial = Math.max(lastSerial + 1, (clock() - SERIAL_EPOCH) * SERIALS_A_MS)
      return lastSerial
    },
    requestId: () => crypto.randomUUID(),
    secret: () => primitives.base64urlEncode(primitives.randomBytes(32)),
    salt: () => primitives.base64urlEncode(primitives.randomBytes(16)),
  }
}
