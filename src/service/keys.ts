import { ok } from '../domain/failure.ts'
import { createEditing } from './keys/edit.ts'
import { createKeyFinder } from './keys/find.ts'
import { createLife } from './keys/life.ts'
import { createMaking, type MakingDeps } from './keys/make.ts'
import type { Done } from './operator.ts'
import type { KeyQuestions, KeySearch, ListStorage } from './ports/lists.ts'
import type { KeyFilter, Page } from './ports.ts'

export interface KeysDeps extends MakingDeps {
  readonly storage: MakingDeps['storage'] &
    Pick<ListStorage, 'searchKeys' | 'countKeys' | 'listUsesOf'>
}

/** The life of a key of any dialect, in the hands of who acts. */
export function createKeys(deps: KeysDeps) {
  const { storage } = deps
  const { find } = createKeyFinder(storage)
  return Object.assign(createMaking(deps), createLife(deps), createEditing(deps), {
    list: (page: Page & KeyFilter) => storage.listKeys(page),
    /** As people look for them, with the names of what they belong to. */
    search: (search: KeySearch) => storage.searchKeys(search),
    /** How many answer the questions, counted up to `most`. */
    count: (questions: KeyQuestions, most: number) => storage.countKeys(questions, most),
    find,
    /** Uses a day of each of these keys, by row id, the oldest first: from this day (since 1970) on. */
    usesOf: (ids: readonly string[], fromDay: number) => storage.listUsesOf(ids, fromDay),
    /** Its uses a day, by row id or by public id, the oldest first: from this day (since 1970) on. */
    async uses(id: string, fromDay: number): Promise<Done<{ day: number; uses: number }[]>> {
      const key = await find(id)
      return key.ok ? ok(await storage.listKeyUses(key.value.id, fromDay)) : key
    },
  })
}

export type Keys = ReturnType<typeof createKeys>
