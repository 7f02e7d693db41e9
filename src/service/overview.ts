import { mayHoldKeys } from '../domain/key.ts'
import type { KeyQuestions, ListedFeed, ListedKey, ListStorage } from './ports/lists.ts'
import type { SurveyStorage } from './ports/survey.ts'
import type { Spans, TrafficStorage } from './ports/traffic.ts'
import type { Clock, OperatorStorage } from './ports.ts'

const DAY_MS = 86_400_000
/** A key that ends within so many days is about to. */
export const EXPIRES_DAYS = 30
/** A key that was not used for so many days is perhaps needed no more. */
export const UNUSED_DAYS = 90
/** A key that was used within so many days is in use. */
export const IN_USE_DAYS = 30

/** So many of each are told. */
const TOLD = 5
/** Among so many there is somebody who may own a key, where there is anybody. */
const USERS = 100
/** So far they are counted. */
const COUNTED = 1_000
/** A feed is counted with its queue. */
const FEEDS_COUNTED = 50

export interface OverviewDeps {
  readonly storage: Pick<TrafficStorage, 'sumTraffic'> &
    Pick<OperatorStorage, 'listUsers'> &
    SurveyStorage &
    ListStorage
  readonly clock: Clock
}

/** Some of many. */
export interface Some<T> {
  readonly count: number
  /** There are more than were counted. */
  readonly more: boolean
  readonly told: readonly T[]
}

/** What somebody should look after. */
export interface Attention {
  readonly expiring: Some<ListedKey>
  readonly unused: Some<ListedKey>
  readonly ownerLeft: Some<ListedKey>
  readonly stuck: Some<ListedFeed>
}

/** How far whoever begins has come. */
export interface Beginning {
  /** Somebody is there who may own a key. */
  readonly hasOwner: boolean
  /** The newest; null where there is none. */
  readonly key: Pick<ListedKey, 'id' | 'name'> | null
  /** A key was used at least once. */
  readonly isInUse: boolean
}

/** How things are, for who looks at everything that he has in sight at once. */
export function createOverview({ storage, clock }: OverviewDeps) {
  return {
    /** What came of requests, as of a minute ago. */
    traffic: (spans: Spans) => storage.sumTraffic(spans),

    /** How many keys there are of each dialect, and how many of them are in use. */
    keys: () => storage.takeKeyCensus({ since: clock() - IN_USE_DAYS * DAY_MS, now: clock() }),

    async beginning(): Promise<Beginning> {
      const [used, newest, users] = await Promise.all([
        storage.searchKeys({ order: 'lastUsed', limit: 1 }),
        storage.searchKeys({ order: 'newest', limit: 1 }),
        storage.listUsers({ limit: USERS }),
      ])
      return {
        hasOwner: users.some(({ role, leftAt }) => leftAt === null && mayHoldKeys(role)),
        key: newest.keys[0] ?? null,
        isInUse: used.keys.some(({ lastUsedAt }) => lastUsedAt !== null),
      }
    },

    async attention(): Promise<Attention> {
      const now = clock()
      const [expiring, unused, ownerLeft, stuck] = await Promise.all([
        some({ expires: { now, before: now + EXPIRES_DAYS * DAY_MS } }, 'expiry'),
        some({ unusedSince: now - UNUSED_DAYS * DAY_MS }, 'leastUsed'),
        some({ ownerLeft: true }, 'oldest'),
        storage.listFeeds({ stuck: true, limit: FEEDS_COUNTED + 1 }),
      ])
      return {
        expiring,
        unused,
        ownerLeft,
        stuck: toldOf(Math.min(stuck.length, FEEDS_COUNTED), stuck, stuck.length > FEEDS_COUNTED),
      }
    },
  }

  /** Keys that still open something: what is disabled or revoked harms nobody. */
  async function some(
    questions: KeyQuestions,
    order: 'expiry' | 'leastUsed' | 'oldest',
  ): Promise<Some<ListedKey>> {
    const asked = { ...questions, status: 'enabled', limit: TOLD, counted: COUNTED + 1 } as const
    const { keys, count } = await storage.searchKeys({ ...asked, order })
    return toldOf(Math.min(count, COUNTED), keys, count > COUNTED)
  }
}

const toldOf = <T>(count: number, rows: readonly T[], more: boolean): Some<T> => ({
  count,
  more,
  told: rows.slice(0, TOLD),
})

export type Overview = ReturnType<typeof createOverview>
