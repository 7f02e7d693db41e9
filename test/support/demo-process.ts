import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'
import { PROGRAM } from '../runner/program.ts'
import { createEnvironment, NODE_FLAGS } from './process.ts'
import { createTempFolder } from './server.ts'

export interface DemoProcess {
  /** The line of JSON that says it is ready. */
  readonly ready: unknown
  /** Sends SIGTERM; answers the exit code and all that was on stdout. */
  stop(): Promise<{ code: number | null; stdout: string[] }>
}

/** `demo --json` in a process of its own, on a free port. */
export async function startDemo(dir = createTempFolder()): Promise<DemoProcess> {
  const child = spawn(
    process.execPath,
    [...NODE_FLAGS, PROGRAM, 'demo', '--json', '--port', '0', '--data', dir],
    // No output of this process: a run waits for all who have that, a demo of a failed test included.
    { stdio: ['ignore', 'pipe', 'pipe'], env: createEnvironment({}) },
  )
  const stderr = text(child.stderr)
  const exited = once(child, 'exit')
  const stdout: string[] = []
  const lines = createInterface({ input: child.stdout })
  lines.on('line', (line) => stdout.push(line))
  await Promise.race([once(lines, 'line'), exited])
  if (stdout[0] === undefined) {
    throw new Error(`the demo ended with code ${child.exitCode}: ${await stderr}`)
  }
  return {
    ready: JSON.parse(stdout[0]),
    async stop() {
      child.kill('SIGTERM')
      await exited
      return { code: child.exitCode, stdout }
    },
  }
}
