import { fork } from 'node:child_process'
import { once } from 'node:events'
import type { Socket } from 'node:net'
import { fileURLToPath } from 'node:url'
import { type CliResult, environment, FLAGS } from '../process.ts'
import { type Asked, END, type Ended } from './words.ts'

const MAIN = fileURLToPath(new URL('main.ts', import.meta.url))

let staying: ReturnType<typeof start> | undefined

/**
 * One command of the command line, in a process that stays for the next one: for what commands do and
 * say. They run one after the other; what is about processes, or comes on stdin, is for `runCli`.
 */
export function runStaying(
  args: readonly string[],
  { dir, env = {} }: { dir: string; env?: Asked['env'] },
): Promise<CliResult> {
  staying ??= start()
  return staying({ args, env: environment({ LATCHKEY_DATA: dir, ...env }) })
}

function start() {
  const child = fork(MAIN, {
    execArgv: [...FLAGS],
    env: environment({}),
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  })
  // It ends with the process that asks, and does not keep that one.
  child.unref()
  child.channel?.unref()
  const [stdout, stderr] = [reader(child.stdout as Socket), reader(child.stderr as Socket)]
  const gone = once(child, 'exit').then(([code, signal]) => {
    throw new Error(`the command line that stays has ended: ${code ?? signal}`)
  })
  gone.catch(() => undefined)

  async function run(asked: Asked): Promise<CliResult> {
    const done = Promise.all([once(child, 'message') as Promise<[Ended]>, stdout(), stderr()])
    child.send(asked)
    const [[{ code, left }], out, err] = await Promise.race([done, gone])
    if (left.length > 0) {
      throw new Error(`latchkey ${asked.args.join(' ')} would not end: ${left.join(', ')}`)
    }
    return { code, stdout: out, stderr: err }
  }

  let turn: Promise<unknown> = Promise.resolve()
  return (asked: Asked): Promise<CliResult> => {
    const done = turn.then(() => run(asked))
    turn = done.catch(() => undefined)
    return done
  }
}

/** Answers what one command has written, once all of it has arrived. */
function reader(stream: Socket): () => Promise<string> {
  let text = ''
  let look = (): void => undefined
  stream.unref()
  stream.setEncoding('utf8').on('data', (more: string) => {
    text += more
    look()
  })
  return () =>
    new Promise((resolve) => {
      look = () => {
        const end = text.indexOf(END)
        if (end === -1) return
        const written = text.slice(0, end)
        text = text.slice(end + END.length)
        resolve(written)
      }
      look()
    })
}
