import { createHash } from 'node:crypto'
import type { Hash } from '../../storage/moving/digest.ts'

export function newHash(): Hash {
  const hash = createHash('sha256')
  return { update: (text) => hash.update(text), end: () => hash.digest('hex') }
}
