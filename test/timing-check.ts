import { createTestServer, seedKey } from './support/server.ts'

/*
 * Can a stranger tell from the time of an answer which key ids exist? `npm run test:timing` asks a
 * server in this process, without a network's noise, and guesses from the medians which of two groups
 * of ids is which. It belongs on a quiet machine, and to no CI.
 */

const IDS_PER_GROUP = 20
const TRIAL_COUNT = 20
const REQUESTS_PER_TRIAL = 200
/** With 20 fair coins, fewer than 3 or more than 17 heads come once in 2,500 times. */
const MIN_FAIR_HEADS = 3

type SendTimedRequest = (id: string) => Promise<Response>

const server = await createTestServer({
  LATCHKEY_FAILURES_PER_ADDRESS: '1',
  LATCHKEY_LOG_LEVEL: 'silent',
})

async function measureRequest(sendRequest: SendTimedRequest, id: string): Promise<number> {
  const startedAt = performance.now()
  await (await sendRequest(id)).arrayBuffer()
  return performance.now() - startedAt
}

const findMedian = (times: number[]) => times.sort((a, b) => a - b)[times.length >> 1] ?? 0
const pickRandom = (ids: readonly string[]) => ids[Math.floor(Math.random() * ids.length)] ?? ''

/** In how many of the trials the first group was slower, and by how much in the middle one. */
async function compareGroups(
  sendRequest: SendTimedRequest,
  first: readonly string[],
  second: readonly string[],
) {
  const differences: number[] = []
  for (let trial = 0; trial < TRIAL_COUNT; trial++) {
    const times: [number[], number[]] = [[], []]
    for (let n = 0; n < REQUESTS_PER_TRIAL; n++) {
      // In either order, so that neither group follows the other.
      const isFirst = Math.random() < 0.5
      for (const group of isFirst ? ([0, 1] as const) : ([1, 0] as const)) {
        times[group].push(
          await measureRequest(sendRequest, pickRandom(group === 0 ? first : second)),
        )
      }
    }
    differences.push(findMedian(times[0]) - findMedian(times[1]))
  }
  const slower = differences.filter((ms) => ms > 0).length
  return { slower, microseconds: findMedian(differences) * 1000 }
}

type Comparison = Awaited<ReturnType<typeof compareGroups>>

const isOneSided = ({ slower }: Comparison) =>
  slower < MIN_FAIR_HEADS || slower > TRIAL_COUNT - MIN_FAIR_HEADS

/** A difference of less than this part of a lookup is that of two reasons' words, in no network to be seen. */
const LOOKUP_SHARE = 0.1

const isDistinguishable = (groups: Comparison, lookup: Comparison) =>
  isOneSided(groups) && Math.abs(groups.microseconds) > LOOKUP_SHARE * Math.abs(lookup.microseconds)

function report(name: string, { slower, microseconds }: Comparison, isRight: boolean): void {
  if (!isRight) process.exitCode = 1
  const found = `${slower} of ${TRIAL_COUNT} slower, by ${microseconds.toFixed(1)} µs`
  console.log(`${isRight ? 'ok  ' : 'FAIL'} ${name}: ${found}`)
}

try {
  const keys = await Promise.all(Array.from({ length: IDS_PER_GROUP }, () => seedKey(server)))
  const knownIds = keys.map(({ apiKey }) => apiKey)
  const makeUnknown = () => knownIds.map(() => crypto.randomUUID())
  const unknownIds = makeUnknown()
  // As long as an id, but not an id: it is not looked up.
  const malformedIds = unknownIds.map((id) => id.replaceAll('-', ' '))

  const refresh: SendTimedRequest = (id) => server.refresh(id, `rt_${'A'.repeat(86)}`)
  const authenticate: SendTimedRequest = (id) => server.authenticate(id, 'a guess at its secret')
  // The address has to wait from now on, and pays for no hash.
  for (const id of [...knownIds, ...unknownIds]) await authenticate(id)

  for (const [path, sendRequest] of [
    ['/auth/refreshToken', refresh],
    ['/auth/authenticate, limited', authenticate],
  ] as const) {
    // Warms up: the code is compiled before it is timed.
    for (const ids of [knownIds, unknownIds, malformedIds]) {
      for (let n = 0; n < REQUESTS_PER_TRIAL; n++)
        await measureRequest(sendRequest, pickRandom(ids))
    }
    const lookup = await compareGroups(sendRequest, unknownIds, malformedIds)
    report(`${path}: control, looked up or not`, lookup, isOneSided(lookup))
    const same = await compareGroups(sendRequest, makeUnknown(), unknownIds)
    report(`${path}: control, unknown or unknown`, same, !isDistinguishable(same, lookup))
    const exists = await compareGroups(sendRequest, knownIds, unknownIds)
    report(`${path}: known or unknown`, exists, !isDistinguishable(exists, lookup))
  }
} finally {
  await server.close()
}
