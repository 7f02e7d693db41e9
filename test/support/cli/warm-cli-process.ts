import type { EventEmitter } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { runProgram } from '../../../src/node/cli/program.ts'
import { OUTPUT_END, type WarmCliRequest, type WarmCliResult } from './warm-cli-protocol.ts'

/*
 * The command line in a process that stays and runs one command after another. What a command imports is
 * there already: most of a short command's time.
 */

const CLI_URL = new URL('../../../src/node/cli.ts', import.meta.url)

// Made when they are first used: they are no command's.
const streams: (EventEmitter & Pick<NodeJS.WriteStream, 'write'>)[] = [
  process.stdout,
  process.stderr,
]

async function runCommand({ args, env }: WarmCliRequest): Promise<WarmCliResult> {
  const resourcesBefore = process.getActiveResourcesInfo()
  process.env = { ...env }
  process.argv = [process.execPath, fileURLToPath(CLI_URL), ...args]
  process.exitCode = undefined
  await runProgram(args)
  for (const stream of streams) stream.removeAllListeners('error')
  const code = Number(process.exitCode ?? 0)
  process.exitCode = undefined
  return { code, openResources: await waitForOpenResources(resourcesBefore) }
}

/** Anything unfinished by then counts as left open. */
const CLOSE_TIMEOUT_MS = 30_000

async function waitForOpenResources(open: readonly string[]): Promise<string[]> {
  const since = performance.now()
  for (;;) {
    const remaining = removeAll(process.getActiveResourcesInfo(), open)
    if (remaining.length === 0 || performance.now() - since > CLOSE_TIMEOUT_MS) return remaining
    await delay(1)
  }
}

function removeAll(all: readonly string[], some: readonly string[]): string[] {
  const rest = [...all]
  for (const one of some) if (rest.includes(one)) rest.splice(rest.indexOf(one), 1)
  return rest
}

process.on('message', async (request: WarmCliRequest) => {
  const result = await runCommand(request)
  for (const stream of streams) stream.write(OUTPUT_END)
  process.send?.(result)
})
