import { decodeBase64 } from './base64.ts'
import {
  findLengthProblem,
  MAX_SALT_BYTES,
  MIN_SALT_BYTES,
  NOT_BASE64,
  type ParsedHash,
} from './hash-text.ts'
import type { Argon2Check } from './secret-check.ts'

/** Reads a PHC string, also behind Django's `argon2` and Spring's `{argon2}`. */
export function parseArgon2(hash: string): ParsedHash {
  const [, variant, version = '16', memory, passes, lanes, salt = '', sum = ''] =
    /^(?:argon2|\{argon2(?:@SpringSecurity_v5_8)?\})?\$(argon2(?:id|i|d))(?:\$v=(\d{1,10}))?\$m=(\d{1,10}),t=(\d{1,10}),p=(\d{1,10})\$([^$]*)\$([^$]*)$/.exec(
      hash,
    ) ?? []
  if (variant === undefined) return null
  if (version !== '19') return `this server computes version 19 of argon2, not ${version}`
  return toArgon2Check({
    algorithm: 'argon2',
    variant: variant as Argon2Check['variant'],
    memoryKib: Number(memory),
    passes: Number(passes),
    lanes: Number(lanes),
    salt: decodeBase64(salt, 'standard'),
    sum: decodeBase64(sum, 'standard'),
  })
}

type Argon2Parts = Omit<Argon2Check, 'salt' | 'sum'> & Record<'salt' | 'sum', Uint8Array | null>

export function toArgon2Check({ salt, sum, ...cost }: Argon2Parts): ParsedHash {
  if (salt === null || sum === null) return NOT_BASE64
  // RFC 9106 §3.1, and the least that the module for Workers computes.
  const minMemoryKib = Math.max(32, 8 * cost.lanes)
  if (cost.lanes < 1 || cost.passes < 1 || cost.memoryKib < minMemoryKib)
    return 'argon2 needs a pass, a lane, and 8 KiB of memory for each lane, at least 32 KiB'
  return (
    findLengthProblem('salt', salt, MIN_SALT_BYTES, MAX_SALT_BYTES) ??
    findLengthProblem('sum', sum, 16, 64) ?? { ...cost, salt, sum }
  )
}
