import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { environment } from './process.ts'
import { temporaryFolder } from './server.ts'

const CLI = fileURLToPath(new URL('../../src/node/cli.ts', import.meta.url))

export interface DemoProcess {
  /** The line of JSON that says it is ready. */
  readonly ready: unknown
  /** Sends SIGTERM; answers the exit code and all that was on stdout. */
  stop(): Promise<{ code: number | null; stdout: string[] }>
}

/** `demo --json` in a process of its own, on a free port. */
export async function startDemo(dir = temporaryFolder()): Promise<DemoProcess> {
  const child = spawn(process.execPath, [CLI, 'demo', '--json', '--port', '0', '--data', dir], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: environment({}),
  })
  const exited = once(child, 'exit')
  const stdout: string[] = []
  const lines = createInterface({ input: child.stdout })
  lines.on('line', (line) => stdout.push(line))
  await Promise.race([once(lines, 'line'), exited])
  if (stdout[0] === undefined) throw new Error(`the demo ended with code ${child.exitCode}`)
  return {
    ready: JSON.parse(stdout[0]),
    async stop() {
      child.kill('SIGTERM')
      await exited
      return { code: child.exitCode, stdout }
    },
  }
}
