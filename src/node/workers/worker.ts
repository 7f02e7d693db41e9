import type { Config } from '../../config.ts'
import type { Log } from '../../service/ports.ts'
import { type Running, startOneOf } from '../server.ts'
import { shareCounts } from './counts.ts'
import type { Words } from './words.ts'

/** One of `size` processes that serve a port together. It ends when the process above it does. */
export async function startWorker(size: number, config: Config, log: Log): Promise<Running> {
  const counts = shareCounts((told) => tell({ counts: told }))
  process.on('message', (words: Words) => counts.hear(words.counts ?? []))
  const team = { size, share: counts.share }
  const running = await startOneOf(team, config, log).catch((error: unknown) => {
    // Nothing is left to be heard: a process that cannot start ends.
    process.channel?.unref()
    throw error
  })
  const { port, url, console } = running
  tell({ listening: { port, url, console } })
  return running
}

/** Nobody above to be told: then this process is about to end. */
function tell(words: Words): void {
  process.send?.(words, undefined, undefined, () => undefined)
}
