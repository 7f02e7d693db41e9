import { readdirSync, readFileSync } from 'node:fs'

export interface Memory {
  readonly rssMb: number
  readonly peakMb: number
}

const TICKS_A_SECOND = 100

/**
 * What a process and all that it has started have computed so far; NaN where the system does not
 * tell. proc(5): after the program's name in brackets, user and system time are the 12th and 13th
 * field, and those of ended children the two after them.
 */
export function cpuSecondsOf(pid: number | undefined): number {
  if (process.platform !== 'linux' || pid === undefined) return Number.NaN
  const ticks = familyOf(pid).flatMap((one) => {
    const stat = readIfThere(`/proc/${one}/stat`)
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return fields.slice(11, 15).map(Number)
  })
  return ticks.reduce((all, one) => all + one, 0) / TICKS_A_SECOND
}

export function memoryOf(pid: number | undefined): Memory | null {
  if (process.platform !== 'linux') return null
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  const megabytes = (name: string) =>
    Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1]) / 1024
  return { rssMb: megabytes('VmRSS'), peakMb: megabytes('VmHWM') }
}

/** Kills a process and all that it has started. */
export function killFamily(pid: number | undefined): void {
  if (pid === undefined) return
  for (const one of familyOf(pid)) {
    try {
      process.kill(one, 'SIGKILL')
    } catch {
      // It has ended by itself.
    }
  }
}

/** The process, its children and theirs; itself alone where the system does not tell. */
function familyOf(pid: number): number[] {
  return [pid, ...childrenOf(pid).flatMap(familyOf)]
}

function childrenOf(pid: number): number[] {
  const text = threadsOf(pid).map((thread) =>
    readIfThere(`/proc/${pid}/task/${thread}/children`).trim(),
  )
  return text.flatMap((pids) => (pids === '' ? [] : pids.split(' ').map(Number)))
}

function threadsOf(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/task`)
  } catch {
    return []
  }
}

/** A process may end while it is looked at: then its parent counts what it has computed. */
function readIfThere(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}
