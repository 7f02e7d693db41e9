import type { KeySummary, OperatorStorage } from '../../../service/ports.ts'

export type Owned = KeySummary & {
  /** When its owner left; null while he is there. */
  readonly ownerLeftAt: number | null
}

/** Keys, and whether their owners are still there. Each owner is looked up once. */
export async function withOwners(
  storage: Pick<OperatorStorage, 'findUser'>,
  keys: readonly KeySummary[],
): Promise<Owned[]> {
  const leftAt = new Map<string, number | null>()
  for (const ownerId of new Set(keys.map((key) => key.ownerId))) {
    leftAt.set(ownerId, (await storage.findUser(ownerId))?.leftAt ?? null)
  }
  return keys.map((key) => ({ ...key, ownerLeftAt: leftAt.get(key.ownerId) ?? null }))
}
