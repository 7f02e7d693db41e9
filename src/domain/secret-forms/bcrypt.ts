import { decodeBase64 } from './base64.ts'
import type { ParsedHash } from './hash-text.ts'
import type { BcryptCheck } from './secret-check.ts'

const SALT_LENGTH = 22
const SUM_LENGTH = 31
const MIN_COST = 4

/** Reads `$2b$cost$`, the salt and the sum, behind one of these prefixes. */
export const parseBcrypt =
  (prefixes: readonly string[], preparation: BcryptCheck['preparation']) =>
  (hash: string): ParsedHash => {
    const [, prefix = '', minor, cost, text = ''] =
      /^([^$]*\$?)\$2([abxy]?)\$(\d\d)\$([./A-Za-z0-9]*)$/.exec(hash) ?? []
    if (minor === undefined || !prefixes.includes(prefix)) return null
    if (minor === '' || minor === 'x')
      return `$2${minor}$ is a faulty bcrypt of old systems, which this server does not compute`
    return toBcryptCheck(
      preparation,
      Number(cost),
      text.slice(0, SALT_LENGTH),
      text.slice(SALT_LENGTH),
    )
  }

/** Reads `$bcrypt-sha256$v=2,t=2b,r=cost$salt$sum`. */
export function parsePasslibBcrypt(hash: string): ParsedHash {
  const [, version, cost, salt = '', sum = ''] =
    /^\$bcrypt-sha256\$v=(\d+),t=2[aby],r=(\d\d?)\$([./A-Za-z0-9]*)\$([./A-Za-z0-9]*)$/.exec(
      hash,
    ) ?? []
  if (version === undefined) return null
  if (version !== '2') return `this server computes version 2 of this form, not ${version}`
  return toBcryptCheck('hmac-sha256-base64', Number(cost), salt, sum)
}

function toBcryptCheck(
  preparation: BcryptCheck['preparation'],
  cost: number,
  salt: string,
  sumText: string,
): ParsedHash {
  if (cost < MIN_COST) return `bcrypt has a cost of at least ${MIN_COST}, not ${cost}`
  if (salt.length !== SALT_LENGTH || sumText.length !== SUM_LENGTH) {
    const lengths = `${salt.length} and ${sumText.length}`
    return `bcrypt has ${SALT_LENGTH} characters of salt and ${SUM_LENGTH} of sum, not ${lengths}: the hash may be truncated`
  }
  const sum = decodeBase64(sumText, 'bcrypt')
  if (sum === null) return 'the last character of the sum cannot occur in bcrypt'
  return { algorithm: 'bcrypt', preparation, cost, salt, sum }
}
