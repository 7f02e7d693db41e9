import type { ParsedHash } from './hash-text.ts'

const APR1_ROUNDS = 1000

/** Reads `$apr1$salt$sum`, which htpasswd makes. */
export function parseApr1(hash: string): ParsedHash {
  const [, salt, sum = ''] = /^\$apr1\$([./A-Za-z0-9]{1,8})\$([./A-Za-z0-9]*)$/.exec(hash) ?? []
  if (salt === undefined) return null
  return toCryptCheck('md5', APR1_ROUNDS, salt, sum, 22)
}

const DEFAULT_ROUNDS = 5000
const MIN_ROUNDS = 1000

/** Reads `$5$salt$sum` or `$6$salt$sum`, with `rounds=…$` before the salt unless there are 5,000. */
export const parseShaCrypt =
  (digest: 'sha256' | 'sha512') =>
  (hash: string): ParsedHash => {
    const [, id, rounds = DEFAULT_ROUNDS, salt = '', sum = ''] =
      /^\$([56])\$(?:rounds=(\d{1,10})\$)?([./A-Za-z0-9]{1,16})\$([./A-Za-z0-9]*)$/.exec(hash) ?? []
    if (id !== (digest === 'sha256' ? '5' : '6')) return null
    if (Number(rounds) < MIN_ROUNDS)
      return `crypt makes at least ${MIN_ROUNDS} rounds, not ${rounds}`
    return toCryptCheck(digest, Number(rounds), salt, sum, digest === 'sha256' ? 43 : 86)
  }

function toCryptCheck(
  digest: 'md5' | 'sha256' | 'sha512',
  rounds: number,
  salt: string,
  sum: string,
  length: number,
): ParsedHash {
  if (sum.length !== length)
    return `the sum has ${sum.length} characters instead of ${length}: the hash may be truncated`
  return { algorithm: 'crypt', digest, rounds, salt, sum }
}
