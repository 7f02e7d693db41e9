import { fork } from 'node:child_process'
import { once } from 'node:events'
import type { Socket } from 'node:net'
import { fileURLToPath } from 'node:url'
import { type CliResult, createEnvironment, NODE_FLAGS } from '../process.ts'
import { OUTPUT_END, type WarmCliRequest, type WarmCliResult } from './warm-cli-protocol.ts'

const WARM_PROCESS_PATH = fileURLToPath(new URL('./warm-cli-process.ts', import.meta.url))

let warmProcess: ReturnType<typeof startWarmProcess> | undefined

/**
 * One command of the command line, in a process that stays for the next one: for what commands do and
 * say. They run one after the other; what is about processes, or comes on stdin, is for `runCli`.
 */
export function runWarmCli(
  args: readonly string[],
  { dir, env = {} }: { dir: string; env?: WarmCliRequest['env'] },
): Promise<CliResult> {
  warmProcess ??= startWarmProcess()
  return warmProcess({ args, env: createEnvironment({ LATCHKEY_DATA: dir, ...env }) })
}

function startWarmProcess() {
  const child = fork(WARM_PROCESS_PATH, {
    execArgv: [...NODE_FLAGS],
    env: createEnvironment({}),
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  })
  // It ends with the process that asks, and does not keep that one.
  child.unref()
  child.channel?.unref()
  const [stdout, stderr] = [
    readCommandOutput(child.stdout as Socket),
    readCommandOutput(child.stderr as Socket),
  ]
  const processEnd = once(child, 'exit').then(([code, signal]) => {
    throw new Error(`the command line that stays has ended: ${code ?? signal}`)
  })
  processEnd.catch(() => undefined)

  async function runCommand(request: WarmCliRequest): Promise<CliResult> {
    const result = Promise.all([
      once(child, 'message') as Promise<[WarmCliResult]>,
      stdout(),
      stderr(),
    ])
    child.send(request)
    const [[{ code, openResources }], stdoutText, stderrText] = await Promise.race([
      result,
      processEnd,
    ])
    if (openResources.length > 0) {
      throw new Error(
        `latchkey ${request.args.join(' ')} would not end: ${openResources.join(', ')}`,
      )
    }
    return { code, stdout: stdoutText, stderr: stderrText }
  }

  let queue: Promise<unknown> = Promise.resolve()
  return (request: WarmCliRequest): Promise<CliResult> => {
    const result = queue.then(() => runCommand(request))
    queue = result.catch(() => undefined)
    return result
  }
}

/** Answers what one command has written, once all of it has arrived. */
function readCommandOutput(stream: Socket): () => Promise<string> {
  let text = ''
  let checkForEnd = (): void => undefined
  stream.unref()
  stream.setEncoding('utf8').on('data', (more: string) => {
    text += more
    checkForEnd()
  })
  return () =>
    new Promise((resolve) => {
      checkForEnd = () => {
        const end = text.indexOf(OUTPUT_END)
        if (end === -1) return
        const written = text.slice(0, end)
        text = text.slice(end + OUTPUT_END.length)
        resolve(written)
      }
      checkForEnd()
    })
}
