import type { Failure, SurfaceRefusal } from '../../domain/failure.ts'
import { isWithinLast } from '../../domain/instant.ts'
import { type Caller, findRefusedKeyId } from '../caller.ts'
import { sleep } from '../long-work.ts'
import type { Clock, KeepAlive, Log } from '../ports/runtime.ts'
import { TupleMap } from '../tuple-map.ts'

export interface RefusalLogDeps {
  readonly log: Log
  readonly clock: Clock
  readonly keepAlive?: KeepAlive | undefined
}

const WINDOW_MS = 1000
/** The number of refusals of one kind that get a line of their own in a window. */
const MAX_LINES_PER_KIND = 5
/** With 64 ids, a line is shorter than the 4,096 bytes that a pipe takes in one piece. */
const MAX_IDS_PER_LINE = 64

/** The refusals of one kind in a window. */
interface RefusalKind {
  readonly surface: string
  readonly facts: object
  /** The number of lines that were logged one by one. */
  lines: number
  /** The requests that share the next line. */
  requestIds: string[]
}

/**
 * Logs each refusal by its request id. Refusals with the same surface, reason, key and address are of one
 * kind. In each second, the first five of a kind have a line each. The others share lines that list their
 * request ids, because a line can take longer to write than a refusal to decide. Call `flush` every second
 * and before shutdown, unless `keepAlive` is given, which then receives each flush.
 */
export function createRefusalLog({ log, clock, keepAlive }: RefusalLogDeps) {
  let openedAt = Number.NEGATIVE_INFINITY
  let kinds = new TupleMap<RefusalKind>()

  function logRepeats(kind: RefusalKind): void {
    const { surface, facts, requestIds } = kind
    if (requestIds.length === 0) return
    log.info({ ...facts, count: requestIds.length, requestIds }, `${surface} refused repeatedly`)
    kind.requestIds = []
  }

  function flush(): void {
    openedAt = Number.NEGATIVE_INFINITY
    for (const kind of kinds.values) logRepeats(kind)
    kinds = new TupleMap()
  }

  return {
    flush,

    logRefusal(surface: string, failure: Failure | SurfaceRefusal, caller: Caller): void {
      const now = clock()
      if (!isWithinLast(WINDOW_MS, openedAt, now)) {
        flush()
        openedAt = now
        keepAlive?.(sleep(WINDOW_MS).then(flush))
      }
      const { address, path, requestId } = caller
      const keyId = findRefusedKeyId(failure, caller)
      const { reason } = failure
      const tuple = [surface, reason, keyId, address]
      const kind =
        kinds.get(tuple) ??
        kinds.add(tuple, {
          surface,
          facts: { address, path, ...(keyId && { keyId }), reason },
          lines: 0,
          requestIds: [],
        })
      if (kind.lines < MAX_LINES_PER_KIND) {
        kind.lines++
        log.info({ ...caller, ...toLogFields(failure) }, `${surface} refused`)
      } else if (kind.requestIds.push(requestId) === MAX_IDS_PER_LINE) logRepeats(kind)
    },
  }
}

/** Leaves out the name of a repeated member: it is the caller's own text, which must not be logged. */
const toLogFields = (failure: Failure | SurfaceRefusal): object =>
  failure.reason === 'member_repeated' ? { reason: failure.reason } : failure

export type RefusalLog = ReturnType<typeof createRefusalLog>
