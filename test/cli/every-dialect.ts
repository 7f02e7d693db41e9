import { DIALECT_NAMES, type Dialect } from '../../src/domain/dialect.ts'
import { ask, type Revealed } from './command.ts'

/** What the keys of a dialect are made for, beside their owner. */
export const PLACE: Readonly<Record<Dialect, 'source' | 'site' | 'developer' | null>> = {
  redox: 'source',
  xenrad: 'site',
  opendental: 'developer',
  'opendental-portal': 'developer',
  xdent: null,
  practice: null,
}

export const wish = (dialect: Dialect, owner: string): string[] => [
  ...['keys', 'create', '--dialect', dialect, '--owner', owner, '--name', `${dialect} key`],
]

/** An account with everything that keys can be made for, and a key of each dialect. */
export async function seedEveryDialect(dir: string) {
  const account = (await ask(dir, ['accounts', 'create', 'Acme Health'])).id
  const of = ['--account', account]
  const user = (name: string, ...more: string[]) =>
    ask(dir, ['users', 'create', ...of, '--email', `${name}@acme.example`, ...more])
  const [owner, other, site, source, developer] = await Promise.all([
    user('dr', '--role', 'engineer', '--username', 'dr.bixby'),
    user('eng', '--role', 'engineer'),
    ask(dir, ['sites', 'create', ...of, '--name', 'Elm Street']),
    ask(dir, ['sources', 'create', ...of, '--name', 'Acme Source']),
    ask(dir, [
      ...['developers', 'create', ...of, '--name', 'Acme Dental Apps'],
      ...['--developer-key', 'NFF6i0KrXrxDkZHt'],
    ]),
  ])
  const id = {
    account,
    owner: owner.id,
    /** Holds keys too, but has no username. */
    other: other.id,
    site: site.id,
    source: source.id,
    developer: developer.id,
  }

  function create(dialect: Dialect, more: readonly string[] = [], stdin = ''): Promise<Revealed> {
    const place = PLACE[dialect]
    const where = place === null ? [] : [`--${place}`, id[place]]
    return ask<Revealed>(dir, [...wish(dialect, id.owner), ...where, ...more], stdin)
  }

  const keys = await Promise.all(
    DIALECT_NAMES.map(async (dialect) => [dialect, await create(dialect)] as const),
  )
  const made = Object.fromEntries(keys) as Record<Dialect, Revealed>
  return { id, made, create, developerKey: String(developer.developerKey) }
}
