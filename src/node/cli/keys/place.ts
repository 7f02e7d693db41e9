import { type Dialect, traitsOf } from '../../../domain/dialect.ts'
import { CommandFailure } from '../failure.ts'

/** What a key can be made for, beside its owner: an option each. */
export interface Places {
  readonly source?: string
  readonly site?: string
  readonly developer?: string
}

const NAMES = ['source', 'site', 'developer'] as const

/** Refuses, before anything is opened, a place that keys of the dialect do not have, or that is missing. */
export function requirePlace(dialect: Dialect, places: Places): void {
  const { belongsTo } = traitsOf(dialect)
  const stray = NAMES.find((name) => name !== belongsTo && places[name] !== undefined)
  const missing = belongsTo !== 'owner' && places[belongsTo] === undefined
  if (stray === undefined && !missing) return

  const belongs =
    belongsTo === 'owner'
      ? `keys of ${dialect} belong to their owner alone`
      : `keys of ${dialect} belong to a ${belongsTo}`
  const advice = [
    ...(stray === undefined ? [] : [`leave out --${stray}`]),
    ...(missing ? [`add --${belongsTo} <id>`] : []),
  ]
  throw new CommandFailure('usage', `${belongs}: ${advice.join(' and ')}`)
}
