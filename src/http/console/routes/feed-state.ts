import type { ListedFeed } from '../../../service/ports/lists.ts'
import type { Html } from '../parts/html.ts'
import { badge, plural } from '../parts/words.ts'

type State = Pick<ListedFeed, 'status' | 'attempts' | 'queued'>

/** How a feed is, in a word. */
export function feedState({ status, attempts, queued }: State): Html {
  if (status === 'paused') return badge('Paused', 'warn')
  if (attempts > 0) return badge(`Stuck, ${plural(attempts, 'failure')} in a row`, 'bad')
  return queued > 0 ? badge('Sending') : badge('Up to date', 'good')
}

export const modelsOf = ({ dataModel }: Pick<ListedFeed, 'dataModel'>): string =>
  dataModel ?? 'All data models'

const OUTCOMES = {
  delivered: 'Delivered',
  refused: 'It refused',
  failed: 'Nobody answered',
  forbidden: 'It may not be reached',
} as const

/** What came of an attempt, with the status where there was an answer. */
export const outcomeText = (attempt: {
  readonly outcome: keyof typeof OUTCOMES
  readonly httpStatus: number | null
}): string =>
  attempt.httpStatus === null
    ? OUTCOMES[attempt.outcome]
    : `${OUTCOMES[attempt.outcome]} (${attempt.httpStatus})`
