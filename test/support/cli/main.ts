import type { EventEmitter } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { type Asked, END, type Ended } from './words.ts'

/*
 * The command line in a process that stays: `src/node/cli/main.ts` runs anew, from top to bottom, for each
 * command that is asked for. What it imports is there already: most of a short command's time.
 */

const CLI = new URL('../../../src/node/cli/main.ts', import.meta.url)

// Made when they are first used: they are no command's.
const streams: (EventEmitter & Pick<NodeJS.WriteStream, 'write'>)[] = [
  process.stdout,
  process.stderr,
]
let runs = 0

async function run({ args, env }: Asked): Promise<Ended> {
  const open = process.getActiveResourcesInfo()
  process.env = { ...env }
  process.argv = [process.execPath, fileURLToPath(CLI), ...args]
  process.exitCode = undefined
  // A module of another address is another module: it is evaluated again.
  await import(`${CLI}?${++runs}`)
  for (const stream of streams) stream.removeAllListeners('error')
  const code = Number(process.exitCode ?? 0)
  process.exitCode = undefined
  return { code, left: await leftBeside(open) }
}

/** What is not done by then is left open. */
const PATIENCE_MS = 30_000

async function leftBeside(open: readonly string[]): Promise<string[]> {
  const since = performance.now()
  for (;;) {
    const left = without(process.getActiveResourcesInfo(), open)
    if (left.length === 0 || performance.now() - since > PATIENCE_MS) return left
    await delay(1)
  }
}

function without(all: readonly string[], some: readonly string[]): string[] {
  const rest = [...all]
  for (const one of some) if (rest.includes(one)) rest.splice(rest.indexOf(one), 1)
  return rest
}

process.on('message', async (asked: Asked) => {
  const ended = await run(asked)
  for (const stream of streams) stream.write(END)
  process.send?.(ended)
})
