import { createEditing } from './keys/edit.ts'
import { createKeyFinder } from './keys/find.ts'
import { createLife } from './keys/life.ts'
import { createMaking, type MakingDeps } from './keys/make.ts'
import type { KeyFilter, Page } from './ports.ts'

/** The life of a key of any dialect, in the hands of who acts. */
export function createKeys(deps: MakingDeps) {
  const { storage } = deps
  return Object.assign(createMaking(deps), createLife(deps), createEditing(deps), {
    list: (page: Page & KeyFilter) => storage.listKeys(page),
    find: createKeyFinder(storage).find,
  })
}

export type Keys = ReturnType<typeof createKeys>
