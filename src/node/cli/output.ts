import { fstatSync, statfsSync, writeSync } from 'node:fs'
import type { Command } from 'commander'
import { CommandFailure, explainError, writeFailure } from './command-failure.ts'
import { printOutput } from './print.ts'

/** Tells how to recover output that can be printed only once; null when no such output is printed. */
let remedy: string | null = null

/**
 * Handles errors of stdout and stderr. A reader that stops early (`| head`) ends the command without a
 * failure. Any other lost output fails the command. Errors of stderr are ignored.
 */
export function handleWriteErrors(): void {
  remedy = null
  process.stderr.on('error', () => undefined)
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE' && remedy === null) process.exit()
    const lost = `the output was not written: ${describeWriteError(error)}`
    writeFailure(new CommandFailure('failed', remedy === null ? lost : `${lost}. ${remedy}`))
    process.exit(1)
  })
}

/** Prints output that cannot be printed again. `ifLost` says what was done and how to recover. */
export function printOnce(
  command: Command,
  value: unknown,
  text: () => string,
  ifLost: string,
): void {
  remedy = ifLost
  printOutput(command, value, text)
}

/** Fails the command before it does anything, if output that is shown only once would be lost. */
export function requireOutput(): void {
  try {
    probeOutput()
  } catch (error) {
    const fault = error as NodeJS.ErrnoException
    if (!LOST_OUTPUT_CODES.includes(fault.code ?? '')) return
    throw new CommandFailure(
      'failed',
      `nothing was done, because the output is shown only once and cannot be written: ${describeWriteError(fault)}`,
      { cause: error },
    )
  }
}

const LOST_OUTPUT_CODES = ['EPIPE', 'ENOSPC', 'EIO', 'EBADF']
/** More than any output with a secret takes. */
const MIN_FREE_BYTES = 65_536

/** Throws if output would be lost. Only a write reveals a pipe without a reader or a full device. */
function probeOutput(): void {
  const { fd, isTTY } = process.stdout
  const stat = fstatSync(fd)
  if (stat.isFile()) {
    const { bavail, bsize } = statfsSync(`/dev/fd/${fd}`)
    if (bavail * bsize < MIN_FREE_BYTES) throw Object.assign(new Error(), { code: 'ENOSPC' })
  } else if (stat.isFIFO() || (stat.isCharacterDevice() && !isTTY)) {
    writeSync(fd, '\n')
  }
}

const describeWriteError = (error: NodeJS.ErrnoException): string =>
  error.code === 'EPIPE' ? 'the program that read it has ended' : explainError(error)
