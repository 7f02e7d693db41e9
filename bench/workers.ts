import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { cases } from './cases.ts'
import { median } from './figures.ts'
import { report } from './progress.ts'
import { seed } from './seed.ts'
import { type Served, serveLatchkey } from './served.ts'

/*
 * What a second process is worth: the guard with one worker, pinned to one core, and with several on
 * all cores, a round of each in turn. On a machine without a core to spare the load is made on the
 * workers' cores, so it is made cheap: requests stand in line on each connection (pipelining, RFC 9112
 * §9.3.2), and answers, all of one length, are counted by their bytes. Both sides get the same load,
 * and what it took of the machine is told.
 *
 * `node bench/workers.ts [--workers N] [--rounds N] [--seconds N] [--depth N] [--connections N]`
 */

const { values } = parseArgs({
  options: {
    workers: { type: 'string', default: '2' },
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '3' },
    depth: { type: 'string', default: '16' },
    connections: { type: 'string', default: '32' },
  },
})
const [workers, rounds, seconds, depth, connections] = [
  Number(values.workers),
  Number(values.rounds),
  Number(values.seconds),
  Number(values.depth),
  Number(values.connections),
]

interface Round {
  readonly perSecond: number
  /** What one answer cost all processes of the server. */
  readonly cpuUs: number
  /** Of one core. */
  readonly loadBusy: number
  /** Of one core, all processes of the server together. */
  readonly serverBusy: number
  /** Of all cores: what nobody used. Where nothing is idle, no worker waited for another. */
  readonly idle: number
}

const folder = mkdtempSync(join(tmpdir(), 'latchkey-bench-'))
process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
const dataDir = join(folder, 'data')
mkdirSync(dataDir, { mode: 0o700 })
const vendors = await seed(dataDir, { keys: 50, active: 50, progress: () => {} })
const guard = cases.find(({ name }) => name === 'guard-refused')
if (guard === undefined) throw new Error('there is no case guard-refused')

const results: { one: Round; several: Round }[] = []
for (let n = 0; n <= rounds; n++) {
  const one = await roundWith(1)
  const several = await roundWith(workers)
  // The first of each warms up the machine.
  if (n === 0) continue
  results.push({ one, several })
  report(`round ${n}: 1 worker ${toText(one)}\n         ${workers} workers ${toText(several)}`)
}
const middle = (of: (result: { one: Round; several: Round }) => number) => median(results.map(of))
const ratio = middle(({ one, several }) => several.perSecond / one.perSecond)
const cost = middle(({ one, several }) => several.cpuUs / one.cpuUs)
console.log(
  `guard, ${workers} workers: ${ratio.toFixed(2)} times the requests/s of one; ` +
    `one answer costs ${cost.toFixed(2)} times the CPU, so that with cores of their own ` +
    `${(workers / cost).toFixed(2)} times are to be had`,
)

function toText({ perSecond, cpuUs, loadBusy, serverBusy, idle }: Round): string {
  const share = (busy: number) => `${Math.round(busy * 100)} %`
  return (
    `${Math.round(perSecond)}/s, ${cpuUs.toFixed(1)} µs CPU an answer, ` +
    `server ${share(serverBusy)} and load ${share(loadBusy)} of a core, ${share(idle)} of all idle`
  )
}

/** A server of its own for each round, warmed up: what differs between two starts weighs on both sides. */
async function roundWith(size: number): Promise<Round> {
  const served = await serveLatchkey(folder, { profileDir: undefined, workers: size })
  try {
    await load(served, 1.5)
    return await load(served, seconds)
  } finally {
    await served.stop()
  }
}

async function load(served: Served, forSeconds: number): Promise<Round> {
  if (guard === undefined) throw new Error('there is no case guard-refused')
  const scripts = await guard.prepare({ port: served.port, vendors }, connections)
  const batches = scripts.map(({ next }) =>
    Buffer.concat(Array.from({ length: depth }, () => next())),
  )
  const began = performance.now()
  const until = began + forSeconds * 1000
  const before = { load: process.cpuUsage(), served: served.cpuSeconds(), idle: idleMs() }
  const counts = await Promise.all(batches.map((batch) => converse(served.port, batch, until)))
  const answers = counts.reduce((all, one) => all + one, 0)
  const { user, system } = process.cpuUsage(before.load)
  const elapsed = (performance.now() - began) / 1000
  const cpu = served.cpuSeconds() - before.served
  return {
    perSecond: answers / elapsed,
    cpuUs: (cpu * 1e6) / answers,
    loadBusy: (user + system) / 1e6 / elapsed,
    serverBusy: cpu / elapsed,
    idle: (idleMs() - before.idle) / 1000 / elapsed / cpus().length,
  }
}

function idleMs(): number {
  return cpus().reduce((all, { times }) => all + times.idle, 0)
}

/** Sends the batch again and again; answers how many answers came. */
function converse(port: number, batch: Buffer, until: number): Promise<number> {
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
