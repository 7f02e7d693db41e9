import type { Config } from '../../config.ts'
import type { Log } from '../../service/ports/runtime.ts'
import { type RunningServer, startInGroup } from '../server.ts'
import type { WorkerMessage } from './messages.ts'
import { createCountExchange } from './messages.ts'

/** Starts one of `size` processes that serve a port together. It ends when the primary process does. */
export async function startWorker(size: number, config: Config, log: Log): Promise<RunningServer> {
  const counts = createCountExchange((updates) => sendToPrimary({ counts: updates }))
  process.on('message', (message: WorkerMessage) => counts.hear(message.counts ?? []))
  const group = { size, share: counts.share }
  const running = await startInGroup(group, config, log).catch((error: unknown) => {
    // A process that cannot start must end, so the channel must not keep it alive.
    process.channel?.unref()
    throw error
  })
  const { port, url, console } = running
  sendToPrimary({ listening: { port, url, console } })
  return running
}

/** Sends to the primary process. Without one, this process is about to end. */
function sendToPrimary(message: WorkerMessage): void {
  process.send?.(message, undefined, undefined, () => undefined)
}
