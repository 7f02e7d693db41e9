import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { createEnvironment } from '../test/support/process.ts'
import { maxMemory, median } from './load.ts'
import { type ProcessMemory, readChildrenCpuSeconds, startLatchkeyProcess } from './process.ts'
import { report, showProgress } from './text.ts'

/** The CPU time of a process until its command ends, or until its server listens. */
export interface Startup {
  readonly name: string
  readonly cpuMs: number
  readonly targetMs: number | null
  /** Memory of a process that goes on: the server's that has just started. */
  readonly memory: ProcessMemory | null
}

/** Rounds before the measured ones, so that Node has cached the compiled code. */
const WARM_UP_ROUNDS = 2

/** Measures starts of the installed command with a warm compile cache: the median of the rounds. */
export async function measureStartup(
  command: string,
  folder: string,
  rounds: number,
): Promise<Startup[]> {
  const runCommand = (...args: string[]) => {
    const cpuBefore = readChildrenCpuSeconds()
    const env = createEnvironment({ LATCHKEY_DATA: join(folder, 'data') })
    const { status, stderr } = spawnSync(process.execPath, [command, ...args], { env })
    if (status !== 0) throw new Error(`${args.join(' ')} failed: ${stderr}`)
    return { cpuSeconds: readChildrenCpuSeconds() - cpuBefore, memory: null }
  }
  const startServer = async () => {
    const server = await startLatchkeyProcess(folder, {}, command)
    const started = { cpuSeconds: server.cpuSeconds(), memory: server.memory() }
    await server.stop()
    return started
  }

  // The server runs first, because it creates the database that the command reads.
  return [
    await measureStart('serve, until it listens', 800, rounds, startServer),
    await measureStart('keys list', 450, rounds, () => runCommand('keys', 'list')),
    await measureStart('--version', null, rounds, () => runCommand('--version')),
  ]
}

interface MeasuredStart {
  readonly cpuSeconds: number
  readonly memory: ProcessMemory | null
}

/** Runs `start` once in each round. */
async function measureStart(
  name: string,
  targetMs: number | null,
  rounds: number,
  start: () => MeasuredStart | Promise<MeasuredStart>,
): Promise<Startup> {
  showProgress(name)
  const starts: MeasuredStart[] = []
  for (let round = 0; round < WARM_UP_ROUNDS + rounds; round++) starts.push(await start())
  const measured = starts.slice(WARM_UP_ROUNDS)
  const cpuMs = median(measured.map(({ cpuSeconds }) => cpuSeconds)) * 1000
  report(`${name}: ${Math.round(cpuMs)} ms`)
  return { name, cpuMs, targetMs, memory: measured.map(({ memory }) => memory).reduce(maxMemory) }
}
