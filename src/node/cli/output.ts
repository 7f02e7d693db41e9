import { fstatSync, statfsSync, writeSync } from 'node:fs'
import type { Command } from 'commander'
import { explain } from './explain.ts'
import { CommandFailure } from './failure.ts'
import { print } from './print.ts'
import { writeFailure } from './report.ts'

/** How the reader of output that is lost gets what was in it. */
let remedy: string | null = null

/**
 * Whoever reads the output may stop reading (`| head`): then there is nothing left to do. Any other
 * output that is lost fails the command. Without a stderr there is nobody to tell, but a command goes on.
 */
export function handleWriteErrors(): void {
  remedy = null
  process.stderr.on('error', () => undefined)
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE' && remedy === null) process.exit()
    const lost = `the output was not written: ${describe(error)}`
    writeFailure(new CommandFailure('failed', remedy === null ? lost : `${lost}. ${remedy}`))
    process.exit(1)
  })
}

/** Prints what cannot be printed again. `ifLost` says what was done, and the command that mends it. */
export function printOnce(
  command: Command,
  value: unknown,
  text: () => string,
  ifLost: string,
): void {
  remedy = ifLost
  print(command, value, text)
}

/** Refuses, before anything is done, where what is shown only once would be lost. */
export function requireOutput(): void {
  try {
    probeOutput()
  } catch (error) {
    const fault = error as NodeJS.ErrnoException
    if (!LOSSES.includes(fault.code ?? '')) return
    throw new CommandFailure(
      'failed',
      `nothing was done, since its output, shown only once, would be lost: ${describe(fault)}`,
      { cause: error },
    )
  }
}

const LOSSES = ['EPIPE', 'ENOSPC', 'EIO', 'EBADF']
/** More than any secret takes, with all that stands around it. */
const ROOM_BYTES = 65_536

/** A pipe without a reader, or a full device, is known by writing alone: an empty line is harmless. */
function probeOutput(): void {
  const { fd, isTTY } = process.stdout
  const stat = fstatSync(fd)
  if (stat.isFile()) {
    const { bavail, bsize } = statfsSync(`/dev/fd/${fd}`)
    if (bavail * bsize < ROOM_BYTES) throw Object.assign(new Error(), { code: 'ENOSPC' })
  } else if (stat.isFIFO() || (stat.isCharacterDevice() && !isTTY)) {
    writeSync(fd, '\n')
  }
}

const describe = (error: NodeJS.ErrnoException): string =>
  error.code === 'EPIPE' ? 'nobody reads it any more' : explain(error)
