import type { Listening } from '../announce.ts'

/** What a worker tells the process above it, and that process the others. */
export interface Words {
  /** It listens. */
  readonly listening?: Listening
  /** What it has counted since it last told. */
  readonly counts?: readonly Count[]
}

export interface Count {
  readonly limit: string
  readonly id: string
  readonly spent: number
  readonly endsAt: number
}
