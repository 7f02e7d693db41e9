import type { TrafficStorage } from '../ports/traffic.ts'
import { type Own, outOfScope } from './own.ts'

/** What came of requests, where no other account exists: those without a key are nobody's. */
export function scopeTraffic(storage: TrafficStorage, own: Own): TrafficStorage {
  return {
    listTraffic: (fromHour, accountId) =>
      own.list({ accountId }, (asked) => storage.listTraffic(fromHour, asked.accountId)),

    sumTraffic: (spans) => own.list(spans, storage.sumTraffic),

    addTraffic: outOfScope('addTraffic'),
    purgeTraffic: outOfScope('purgeTraffic'),
  }
}
