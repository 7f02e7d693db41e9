import { ok } from '../../domain/failure.ts'
import { conflict, type Done, notFound } from '../operator.ts'
import type { KeySummary, OperatorStorage } from '../ports.ts'

/** A key with its secret: the only time that the secret is shown, unless its dialect lets it be viewed. */
export interface Revealed {
  readonly key: KeySummary
  readonly secret: string
}

/** Finds keys, by row id or by public id. */
export function createKeyFinder(storage: Pick<OperatorStorage, 'findKeySummary'>) {
  async function find(id: string): Promise<Done<KeySummary>> {
    const key = await storage.findKeySummary(id)
    return key === null ? notFound(`there is no key ${id}`) : ok(key)
  }

  async function reveal(id: string, secret: string): Promise<Done<Revealed>> {
    const key = await find(id)
    return key.ok ? ok({ key: key.value, secret }) : key
  }

  return { find, reveal }
}

export const revokedAlready = (key: KeySummary) =>
  conflict(`key ${key.publicId} is revoked, and that is final: create another`)
