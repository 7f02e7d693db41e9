import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { PROGRAM } from '../runner/program.ts'

/** Those of package.json: without them the server would start twice. */
export const NODE_FLAGS = ['--max-semi-space-size=8', '--min-semi-space-size=2', '--v8-pool-size=1']

type EnvironmentVariables = Readonly<Record<string, string>>

/** The environment without settings of Latchkey, and with those of the test. */
export function createEnvironment(settings: EnvironmentVariables): EnvironmentVariables {
  const env: Record<string, string> = {}
  for (const [name, value] of Object.entries(process.env)) {
    if (value !== undefined && !name.startsWith('LATCHKEY_')) env[name] = value
  }
  return { ...env, ...settings }
}

/** Spawned with this test's own Node, and a copy of all that it writes. */
function spawnCli(
  args: readonly string[],
  env: EnvironmentVariables,
  wrapper: readonly string[] = [],
) {
  const [program = '', ...rest] = [...wrapper, process.execPath, ...NODE_FLAGS, PROGRAM, ...args]
  const child = spawn(program, rest, { env: createEnvironment(env) })
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
  })
  return { child, stdout: () => stdout, stderr: () => stderr }
}

export interface ServerProcess {
  readonly url: string
  readonly consoleUrl: string
  readonly process: ChildProcess
  /** Asks it to stop and waits; answers its exit code. */
  stop(signal?: NodeJS.Signals): Promise<number | null>
  /** As a power cut does (SIGKILL). Resolves when the process is gone. */
  kill(): Promise<void>
  /** All that it wrote, log lines and errors. */
  output(): string
  /** Resolves when what it wrote holds this text. */
  waitForOutput(text: string): Promise<void>
}

/**
 * `latchkey serve` with these options in a process of its own, on a port that is free. Resolves when it listens;
 * rejects with what it wrote where it ends instead. A `cage` is a command that runs it in its place. Its log level must let `info` through.
 */
export async function startServerProcess(
  dir: string,
  env: EnvironmentVariables = {},
  options: readonly string[] = [],
  wrapper: readonly string[] = [],
): Promise<ServerProcess> {
  const settings = { LATCHKEY_DATA: dir, LATCHKEY_PORT: '0', ...env }
  const { child, stdout, stderr } = spawnCli(['serve', ...options], settings, wrapper)
  const output = () => stdout() + stderr()
  const exited = once(child, 'exit')
  const endProcess = async (signal: NodeJS.Signals): Promise<number | null> => {
    child.kill(signal)
    await exited
    return child.exitCode
  }
  const waitForOutput = (text: string) =>
    new Promise<void>((resolve, reject) => {
      const checkOutput = () => {
        if (!output().includes(text)) return
        removeListeners()
        resolve()
      }
      const onEnd = () => {
        removeListeners()
        reject(new Error(`the server ended and never said ${text}:\n${output()}`))
      }
      const removeListeners = () => {
        child.stdout.off('data', checkOutput)
        child.stderr.off('data', checkOutput)
        child.off('close', onEnd)
      }
      child.stdout.on('data', checkOutput)
      child.stderr.on('data', checkOutput)
      child.once('close', onEnd)
      checkOutput()
    })

  await waitForOutput('"msg":"listening"')
  const listening = stdout()
    .split('\n')
    .find((line) => line.includes('"msg":"listening"'))
  const { port, console } = JSON.parse(listening ?? '{}') as {
    port: number
    console: { port: number } | null
  }
  return {
    url: `http://127.0.0.1:${port}`,
    consoleUrl: `http://127.0.0.1:${console?.port}`,
    process: child,
    stop: (signal = 'SIGTERM') => endProcess(signal),
    kill: async () => {
      await endProcess('SIGKILL')
    },
    output,
    waitForOutput,
  }
}

export interface CliResult {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** One command of the command line, from start to end. */
export async function runCli(
  args: readonly string[],
  {
    dir,
    env = {},
    stdin = '',
    wrapper = [],
    readsOutput = true,
    onStart,
  }: {
    dir: string
    env?: EnvironmentVariables
    stdin?: string
    wrapper?: readonly string[]
    readsOutput?: boolean
    /** Called once it runs; it is killed where this fails. */
    onStart?: (child: ChildProcess) => Promise<void>
  },
): Promise<CliResult> {
  const { child, stdout, stderr } = spawnCli(args, { LATCHKEY_DATA: dir, ...env }, wrapper)
  // A command that reads no input may be gone before it is written.
  child.stdin.on('error', () => undefined)
  child.stdin.end(stdin)
  // Closed before the command can have written anything.
  if (!readsOutput) child.stdout.destroy()
  const closed = once(child, 'close')
  await onStart?.(child).catch((error: unknown) => {
    child.kill('SIGKILL')
    throw error
  })
  await closed
  return { code: child.exitCode, stdout: stdout(), stderr: stderr() }
}

/** Lists the processes that the server has started. */
export const listWorkerPids = ({ process: { pid } }: ServerProcess): number[] =>
  spawnSync('pgrep', ['-P', String(pid)], { encoding: 'utf8' })
    .stdout.split('\n')
    .filter(Boolean)
    .map(Number)

export async function findFreePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}
