import type { Dialect } from '../../../domain/dialect.ts'
import { traitsOf } from '../../../domain/dialect.ts'
import { type Choice, field, select } from '../parts/form.ts'
import type { Html } from '../parts/html.ts'
import type { Visit } from '../visit.ts'

/** More are not put into one list to choose from: then the id is asked for. */
const OFFERED = 200

/** What one may choose from; null where it is too many. */
export type Offered = readonly Choice[] | null

const offer = (found: readonly { readonly id: string; readonly name: string }[]): Offered =>
  found.length > OFFERED
    ? null
    : found
        .map(({ id, name }) => ({ value: id, text: name }))
        .sort((a, b) => a.text.localeCompare(b.text, 'en'))

const all = (accountId?: string) => ({ accountId, limit: OFFERED + 1 })

export const listSites = async ({ desk }: Visit, accountId?: string): Promise<Offered> =>
  offer(await desk.places.listSites(all(accountId)))

export const listAccounts = async ({ desk }: Visit): Promise<Offered> =>
  offer(await desk.accounts.list({ limit: OFFERED + 1 }))

export interface PlaceKind {
  /** Of the field, and as people call it. */
  readonly name: 'source' | 'site' | 'developer'
  readonly label: string
  /** Where there is none yet, it is made here. */
  readonly made: string
}

const KINDS = {
  source: { name: 'source', label: 'Source', made: '/console/sources' },
  site: { name: 'site', label: 'Site', made: '/console/sites' },
  developer: { name: 'developer', label: 'Developer', made: '/console/developers' },
} as const satisfies Record<string, PlaceKind>

/** What a key of this dialect is made for, beside its owner. */
export function placeKindOf(dialect: Dialect): PlaceKind | null {
  const { belongsTo } = traitsOf(dialect)
  return belongsTo === 'owner' ? null : KINDS[belongsTo]
}

export async function listPlaces(
  visit: Visit,
  { name }: PlaceKind,
  accountId: string,
): Promise<Offered> {
  const { places, routes } = visit.desk
  switch (name) {
    case 'source':
      return offer(await routes.listSources(all(accountId)))
    case 'site':
      return listSites(visit, accountId)
    case 'developer':
      return offer(await places.listDevelopers(all(accountId)))
  }
}

/** A list to choose from, or a field for the id where the list would be too long. */
export const choiceOrId = (of: {
  readonly name: string
  readonly label: string
  readonly value: string
  /** The choice of nothing, where that is one. */
  readonly none?: Choice | undefined
  readonly hint?: string | undefined
  readonly found: Offered
}): Html =>
  of.found === null
    ? field({
        name: of.name,
        label: `${of.label}, by its id`,
        value: of.value,
        hint: `There are more than ${OFFERED}: copy the id from its page.`,
        spellcheck: false,
      })
    : select({ ...of, choices: [...(of.none === undefined ? [] : [of.none]), ...of.found] })
