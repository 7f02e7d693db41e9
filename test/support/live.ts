import { rmSync } from 'node:fs'
import { readConfig } from '../../src/config.ts'
import { databasePath } from '../../src/node/engine.ts'
import { type Running, start } from '../../src/node/server.ts'
import { temporaryFolder, testLog } from './server.ts'

export type LiveServer = Omit<Running, 'url' | 'console'> & {
  /** Where its socket is, whatever its public URL. */
  readonly url: string
  /** The same of its console. */
  readonly consoleUrl: string
  readonly dir: string
  readonly databasePath: string
  readonly log: ReturnType<typeof testLog>
  close(): Promise<void>
}

/** A whole server with its socket, in the process of the test. */
export async function startLive(
  settings: Record<string, string> = {},
  { dir = temporaryFolder() } = {},
): Promise<LiveServer> {
  const log = testLog()
  const config = readConfig({ LATCHKEY_DATA: dir, LATCHKEY_PORT: '0', ...settings })
  const running = await start(config, log)
  const { port, console, ...latchkey } = running
  return {
    ...latchkey,
    port,
    url: `http://127.0.0.1:${port}`,
    consoleUrl: `http://127.0.0.1:${console?.port}`,
    dir,
    databasePath: databasePath(config),
    log,
    async close() {
      await running.stop()
      rmSync(dir, { recursive: true, force: true })
    },
  }
}
