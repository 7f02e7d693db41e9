import { ok } from '../domain/failure.ts'
import { createEditing } from './keys/edit.ts'
import { createKeyFinder } from './keys/find.ts'
import { createLife } from './keys/life.ts'
import { createMaking, type MakingDeps } from './keys/make.ts'
import type { Done } from './operator.ts'
import type { KeyFilter, Page } from './ports.ts'

/** The life of a key of any dialect, in the hands of who acts. */
export function createKeys(deps: MakingDeps) {
  const { storage } = deps
  const { find } = createKeyFinder(storage)
  return Object.assign(createMaking(deps), createLife(deps), createEditing(deps), {
    list: (page: Page & KeyFilter) => storage.listKeys(page),
    find,
    /** Its uses a day, by row id or by public id, the oldest first: from this day (since 1970) on. */
    async uses(id: string, fromDay: number): Promise<Done<{ day: number; uses: number }[]>> {
      const key = await find(id)
      return key.ok ? ok(await storage.listKeyUses(key.value.id, fromDay)) : key
    },
  })
}

export type Keys = ReturnType<typeof createKeys>
