import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { BENCH_CASES } from './cases.ts'
import { median } from './load.ts'
import { type BenchServer, canPin, pinLoadProcess, startLatchkeyProcess } from './process.ts'
import { seedVendors } from './seed.ts'
import { report } from './text.ts'

/*
 * What a second process is worth: the guard with one worker on one core, and with several on as many
 * cores, a round of each in turn. No core is spared for the load: it runs on the workers' own, so that
 * it takes the same share of each core on both sides and is the limit on neither. It is made cheap:
 * requests stand in line on each connection (pipelining, RFC 9112 §9.3.2), and answers, all of one
 * length, are counted by their bytes. The one core is another one in each round, for neighbours on the
 * machine's host slow one core more than another. As many requests wait at each worker on both sides:
 * more in flight make an answer dearer, since what they hold outlives the young generation.
 *
 * `node bench/workers.ts [--workers N] [--rounds N] [--seconds N] [--depth N] [--connections N]`
 */

const { values } = parseArgs({
  options: {
    workers: { type: 'string', default: '2' },
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '3' },
    depth: { type: 'string', default: '16' },
    connections: { type: 'string', default: '16' },
  },
})
const [workers, rounds, seconds, depth, connections] = [
  Number(values.workers),
  Number(values.rounds),
  Number(values.seconds),
  Number(values.depth),
  Number(values.connections),
]

interface WorkersRound {
  readonly perSecond: number
  /** What one answer cost all processes of the server. */
  readonly cpuUs: number
  /** Of one core. */
  readonly loadBusy: number
  /** Of one core, all processes of the server together. */
  readonly serverBusy: number
}

if (!canPin || availableParallelism() < workers) {
  throw new Error(`this takes ${workers} cores, and taskset (util-linux) to keep to them`)
}

const folder = mkdtempSync(join(tmpdir(), 'latchkey-bench-'))
process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
const dataDir = join(folder, 'data')
mkdirSync(dataDir, { mode: 0o700 })
const vendors = await seedVendors(dataDir, { keys: 50, active: 50, progress: () => {} })
const guard = BENCH_CASES.find(({ name }) => name === 'guard-refused')
if (guard === undefined) throw new Error('there is no case guard-refused')

const results: { one: WorkersRound; several: WorkersRound }[] = []
for (let n = 0; n <= rounds; n++) {
  const one = await runWorkersRound(1, String(n % workers))
  const several = await runWorkersRound(workers, `0-${workers - 1}`)
  // The first of each warms up the machine.
  if (n === 0) continue
  results.push({ one, several })
  report(
    `round ${n}: 1 worker ${formatRound(one)}\n         ${workers} workers ${formatRound(several)}`,
  )
}
const takeMedian = (of: (result: { one: WorkersRound; several: WorkersRound }) => number) =>
  median(results.map(of))
const takeBest = (of: (result: { one: WorkersRound; several: WorkersRound }) => WorkersRound) =>
  Math.max(...results.map((result) => of(result).perSecond))
const typical = takeMedian(({ one, several }) => several.perSecond / one.perSecond)
const ratio = takeBest(({ several }) => several) / takeBest(({ one }) => one)
console.log(
  `guard, ${workers} workers on ${workers} cores: ${ratio.toFixed(2)} times the requests/s of one on one ` +
    `(the best round of each; the median of the rounds is ${typical.toFixed(2)})`,
)

function formatRound({ perSecond, cpuUs, loadBusy, serverBusy }: WorkersRound): string {
  const share = (busy: number) => `${Math.round(busy * 100)} %`
  return (
    `${Math.round(perSecond)}/s, ${cpuUs.toFixed(1)} µs CPU an answer, ` +
    `server ${share(serverBusy)} and load ${share(loadBusy)} of a core`
  )
}

/** A server of its own for each round, warmed up: what differs between two starts weighs on both sides. */
async function runWorkersRound(size: number, cores: string): Promise<WorkersRound> {
  const served = await startLatchkeyProcess(folder, { workers: size, cores })
  pinLoadProcess(cores)
  try {
    await measureLoad(served, size, 1.5)
    return await measureLoad(served, size, seconds)
  } finally {
    await served.stop()
  }
}

async function measureLoad(
  served: BenchServer,
  size: number,
  forSeconds: number,
): Promise<WorkersRound> {
  if (guard === undefined) throw new Error('there is no case guard-refused')
  const scripts = await guard.prepare({ port: served.port, vendors }, size * connections)
  const batches = scripts.map(({ next }) =>
    Buffer.concat(Array.from({ length: depth }, () => next())),
  )
  const began = performance.now()
  const until = began + forSeconds * 1000
  const before = { load: process.cpuUsage(), served: served.cpuSeconds() }
  const counts = await Promise.all(batches.map((batch) => sendBatches(served.port, batch, until)))
  const answers = counts.reduce((all, one) => all + one, 0)
  const { user, system } = process.cpuUsage(before.load)
  const elapsed = (performance.now() - began) / 1000
  const cpu = served.cpuSeconds() - before.served
  return {
    perSecond: answers / elapsed,
    cpuUs: (cpu * 1e6) / answers,
    loadBusy: (user + system) / 1e6 / elapsed,
    serverBusy: cpu / elapsed,
  }
}

/** Sends the batch again and again; answers how many answers came. */
function sendBatches(port: number, batch: Buffer, until: number): Promise<number> {
  return new Promise((resolve, reject) => {
    let answers = 0
    let due = 0
    let length = 0
    const socket = connect({
      port,
      host: '127.0.0.1',
      noDelay: true,
      onread: {
        buffer: Buffer.allocUnsafe(256 * 1024),
        callback(bytes, buffer) {
          if (length === 0) {
            const text = Buffer.from(buffer.buffer, buffer.byteOffset, bytes).toString('latin1')
            const second = text.indexOf('HTTP/1.1 ', 1)
            length = second === -1 ? bytes : second
            due = length * depth
            if (!text.startsWith('HTTP/1.1 403 ')) reject(new Error(`answered ${text}`))
          }
          due -= bytes
          if (due < 0) reject(new Error('answers differ in length'))
          if (due > 0) return true
          answers += depth
          due = length * depth
          if (performance.now() < until) socket.write(batch)
          else socket.destroy()
          return true
        },
      },
    })
    socket.once('error', reject)
    socket.once('close', () => resolve(answers))
    socket.write(batch)
  })
}
