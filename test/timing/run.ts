import { seedKey, testServer } from '../support/server.ts'

/*
 * Can a stranger tell from the time of an answer which key ids exist? `npm run test:timing` asks a
 * server in this process, without a network's noise, and guesses from the medians which of two groups
 * of ids is which. It belongs on a quiet machine, and to no CI.
 */

const IDS = 20
const TRIALS = 20
const REQUESTS_PER_TRIAL = 200
/** Of 20 fair coins, fewer than 3 or more than 17 heads come once in 2,500 times. */
const FEWEST_HEADS = 3

type Ask = (id: string) => Promise<Response>

const server = await testServer({
  LATCHKEY_FAILURES_PER_ADDRESS: '1',
  LATCHKEY_LOG_LEVEL: 'silent',
})

async function timeOf(ask: Ask, id: string): Promise<number> {
  const startedAt = performance.now()
  await (await ask(id)).arrayBuffer()
  return performance.now() - startedAt
}

const medianOf = (times: number[]) => times.sort((a, b) => a - b)[times.length >> 1] ?? 0
const pick = (ids: readonly string[]) => ids[Math.floor(Math.random() * ids.length)] ?? ''

/** In how many of the trials the first group was slower, and by how much in the middle one. */
async function compare(ask: Ask, first: readonly string[], second: readonly string[]) {
  const differences: number[] = []
  for (let trial = 0; trial < TRIALS; trial++) {
    const times: [number[], number[]] = [[], []]
    for (let n = 0; n < REQUESTS_PER_TRIAL; n++) {
      // In either order, so that neither group follows the other.
      const isFirst = Math.random() < 0.5
      for (const group of isFirst ? ([0, 1] as const) : ([1, 0] as const)) {
        times[group].push(await timeOf(ask, pick(group === 0 ? first : second)))
      }
    }
    differences.push(medianOf(times[0]) - medianOf(times[1]))
  }
  const slower = differences.filter((ms) => ms > 0).length
  return { slower, microseconds: medianOf(differences) * 1000 }
}

type Comparison = Awaited<ReturnType<typeof compare>>

const isOneSided = ({ slower }: Comparison) =>
  slower < FEWEST_HEADS || slower > TRIALS - FEWEST_HEADS

/** A difference of less than this part of a lookup is that of two reasons' words, in no network to be seen. */
const LOOKUP_SHARE = 0.1

const isTold = (groups: Comparison, lookup: Comparison) =>
  isOneSided(groups) && Math.abs(groups.microseconds) > LOOKUP_SHARE * Math.abs(lookup.microseconds)

function report(name: string, { slower, microseconds }: Comparison, isRight: boolean): void {
  if (!isRight) process.exitCode = 1
  const found = `${slower} of ${TRIALS} slower, by ${microseconds.toFixed(1)} µs`
  console.log(`${isRight ? 'ok  ' : 'FAIL'} ${name}: ${found}`)
}

try {
  const keys = await Promise.all(Array.from({ length: IDS }, () => seedKey(server)))
  const known = keys.map(({ apiKey }) => apiKey)
  const makeUnknown = () => known.map(() => crypto.randomUUID())
  const unknown = makeUnknown()
  // As long as an id, but can be nobody's: it is not looked up.
  const impossible = unknown.map((id) => id.replaceAll('-', ' '))

  const refresh: Ask = (id) => server.refresh(id, `rt_${'A'.repeat(86)}`)
  const authenticate: Ask = (id) => server.authenticate(id, 'a guess at its secret')
  // The address has to wait from now on, and pays for no hash.
  for (const id of [...known, ...unknown]) await authenticate(id)

  for (const [path, ask] of [
    ['/auth/refreshToken', refresh],
    ['/auth/authenticate, limited', authenticate],
  ] as const) {
    // What the compiler does to the code is done before it is timed.
    for (const ids of [known, unknown, impossible]) {
      for (let n = 0; n < REQUESTS_PER_TRIAL; n++) await timeOf(ask, pick(ids))
    }
    const lookup = await compare(ask, unknown, impossible)
    report(`${path}: control, looked up or not`, lookup, isOneSided(lookup))
    const same = await compare(ask, makeUnknown(), unknown)
    report(`${path}: control, unknown or unknown`, same, !isTold(same, lookup))
    const exists = await compare(ask, known, unknown)
    report(`${path}: known or unknown`, exists, !isTold(exists, lookup))
  }
} finally {
  await server.close()
}
