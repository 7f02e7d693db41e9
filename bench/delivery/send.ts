import { type BenchConnection, openBenchConnection } from '../load.ts'

/** Times by performance.now(), one for each request. */
export interface ScheduledTimes {
  readonly dueAt: Float64Array
  readonly answeredAt: Float64Array
}

/** Creates the times (ms) of independent requests: gaps are exponential, the first request is at 0. */
export function createSchedule(
  perSecond: number,
  seconds: number,
  random: () => number = Math.random,
): Float64Array {
  const due: number[] = []
  for (let at = 0; at < seconds * 1000; at += (-Math.log(1 - random()) / perSecond) * 1000) {
    due.push(at)
  }
  return Float64Array.from(due)
}

/**
 * Sends each request when it is due, even while the server has not answered those before: a stall
 * delays requests, and all of them count. (A closed loop would leave out what it did not send.) A
 * request that waits for a free connection, or for the timer (1 ms), counts from when it was due.
 * Once the signal is aborted, no further request is sent.
 */
export async function sendOnTime(
  port: number,
  dues: Float64Array,
  {
    getRequest,
    connections,
    signal,
  }: {
    readonly getRequest: (n: number) => Buffer
    readonly connections: number
    readonly signal?: AbortSignal
  },
): Promise<ScheduledTimes> {
  const all = await Promise.all(
    Array.from({ length: connections }, () => openBenchConnection(port)),
  )
  const began = performance.now()
  const dueAt = dues.map((due) => began + due)
  const answeredAt = new Float64Array(dues.length)
  const free: BenchConnection[] = [...all]
  let next = 0
  let end = dueAt.length
  let answered = 0
  let timer: NodeJS.Timeout | undefined
  try {
    await new Promise<void>((resolve, reject) => {
      const send = () => {
        while (next < end && (dueAt[next] ?? 0) <= performance.now()) {
          // The one that was idle longest, because the server closes idle connections.
          const connection = free.shift()
          if (connection === undefined) return
          sendRequest(connection, next++)
        }
      }
      const sendRequest = (connection: BenchConnection, n: number) =>
        connection.send(getRequest(n), (status, body) => {
          answeredAt[n] = performance.now()
          if (status !== 200) {
            reject(new Error(`answered ${status}: ${body}`))
            return
          }
          free.push(connection)
          if (++answered === end) resolve()
          else send()
        })
      for (const connection of all) connection.onFailure(reject)
      signal?.addEventListener('abort', () => {
        end = next
        if (answered === end) resolve()
      })
      if (end === 0) resolve()
      timer = setInterval(send, 1)
    })
  } finally {
    clearInterval(timer)
    for (const connection of all) connection.close()
  }
  return { dueAt: dueAt.slice(0, end), answeredAt: answeredAt.slice(0, end) }
}

/** Sends each request once, over `connections` connections, as fast as responses come. */
export async function sendAll(
  port: number,
  requests: readonly Buffer[],
  connections: number,
): Promise<void> {
  let next = 0
  const converse = async () => {
    const connection = await openBenchConnection(port)
    await new Promise<void>((resolve, reject) => {
      const send = () => {
        const request = requests[next++]
        if (request === undefined) {
          resolve()
          return
        }
        connection.send(request, (status, body) => {
          if (status === 200) send()
          else reject(new Error(`answered ${status}: ${body}`))
        })
      }
      connection.onFailure(reject)
      send()
    })
    connection.close()
  }
  await Promise.all(Array.from({ length: Math.min(connections, requests.length) }, converse))
}
