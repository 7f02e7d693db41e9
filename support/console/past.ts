import type { Dialect } from '../../src/domain/dialect.ts'
import type { Traffic } from '../../src/service/ports/traffic.ts'
import type { TestServer } from '../../test/support/server.ts'

const HOUR = 3_600_000
const DAYS = 30

/** How busy each key is; the others were never used. */
const BUSY: Readonly<Record<string, number>> = {
  'Nightly results': 140,
  'Radiology desk': 60,
  'Imaging archive': 24,
  'Recall portal': 3,
  'Maple Street Dental': 38,
  'Front desk automation': 17,
  'Claims exporter': 9,
}

const ADMITTED: readonly (readonly [Dialect, number])[] = [
  ['redox', 90],
  ['xenrad', 40],
  ['opendental', 22],
  ['xdent', 9],
  ['practice', 12],
]

const REFUSED: readonly (readonly [Dialect, Traffic['outcome'], number])[] = [
  ['redox', 'secret_wrong', 4],
  ['redox', 'token_expired', 7],
  ['xenrad', 'address_refused', 3],
  ['opendental', 'key_unassigned', 2],
  ['xdent', 'key_disabled', 5],
]

/** A month of requests: busy by day, quiet by night and at weekends. */
export async function seedPast(
  { storage }: TestServer,
  accountId: string,
  keyIds: Readonly<Record<string, string>>,
  now: number,
): Promise<void> {
  const today = Math.floor(now / (24 * HOUR))
  const uses = Object.entries(BUSY).flatMap(([name, most], key) =>
    Array.from({ length: DAYS }, (_, ago) => {
      const day = today - ago
      const lastAt = Math.min(day * 24 * HOUR + 20 * HOUR, now - HOUR)
      return { keyId: keyIds[name] ?? '', day, uses: wave(most, day, ago + 3 * key), lastAt }
    }),
  )
  await storage.addKeyUses(uses.filter((use) => use.uses > 0))

  const thisHour = Math.floor(now / HOUR)
  const rows: Traffic[] = []
  for (let ago = 0; ago < DAYS * 24; ago++) {
    const hour = thisHour - ago
    const share = wave(100, Math.floor(hour / 24), hour) * (hour % 24 < 6 ? 0.2 : 1)
    const count = (most: number) => Math.round((most * share) / 100)
    for (const [dialect, most] of ADMITTED) {
      rows.push({ hour, accountId, dialect, outcome: 'admitted', requests: count(most) })
    }
    for (const [n, [dialect, outcome, most]] of REFUSED.entries()) {
      if ((hour + n) % 5 === 0)
        rows.push({ hour, accountId, dialect, outcome, requests: count(most) })
    }
  }
  await storage.addTraffic(rows.filter(({ requests }) => requests > 0))
}

/** Up to so many, less at weekends; the same at every start, for chance draws no picture twice. */
function wave(most: number, day: number, n: number): number {
  const weekday = (day + 4) % 7
  const rest = weekday === 0 || weekday === 6 ? 0.25 : 1
  return Math.round(most * rest * (0.65 + 0.35 * Math.sin(n * 1.7)))
}
