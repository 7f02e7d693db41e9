import { fstatSync, statfsSync, writeSync } from 'node:fs'
import { Writable } from 'node:stream'
import type { Command } from 'commander'
import { SECRET_MAX_LENGTH } from '../../domain/key.ts'
import { CommandFailure, explainError, writeFailure } from './command-failure.ts'
import { printNote, printOutput } from './print.ts'

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

/** UTF-8 takes at most four bytes a character, and the line end two. */
const SECRET_MAX_BYTES = 4 * SECRET_MAX_LENGTH + 2

/**
 * Reads a secret from standard input, without its line end. There is no option for it, because every
 * user of a machine can read the arguments of its processes.
 */
export async function readSecret(maxBytes = SECRET_MAX_BYTES): Promise<string> {
  if (process.stdin.isTTY) return askSecret()
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of process.stdin) {
    chunks.push(chunk)
    length += chunk.length
    if (length > maxBytes) throw new CommandFailure('usage', 'the secret on stdin is too long')
  }
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(chunks))
    return text.replace(/\r?\n$/, '')
  } catch {
    throw new CommandFailure('usage', 'the secret on stdin is not UTF-8')
  }
}

/** Reads from a terminal without echo. */
async function askSecret(): Promise<string> {
  const nowhere = new Writable({ write: (_chunk, _encoding, callback) => callback() })
  process.stderr.write('Secret (not shown): ')
  const secret = await askLine('', nowhere)
  printNote('')
  return secret
}

/** Refuses an action that needs a confirmation if stdin is no terminal. */
export function requireTerminal(action: string, impact: string): void {
  if (process.stdin.isTTY && process.stderr.isTTY) return
  throw new CommandFailure(
    'usage',
    `${impact}, and there is no terminal to confirm it (${action}): add --yes`,
  )
}

/** Asks the user to type the name of what an irreversible action changes. */
export async function confirmByName(action: string, impact: string, name: string): Promise<void> {
  const question = `${action}: ${impact}. Type ${name} to confirm: `
  const typed = await askLine(question, process.stderr)
  if (typed === '') printNote('')
  if (typed.trim() !== name) {
    throw new CommandFailure('failed', 'the name does not match: nothing was done')
  }
}

/** Reads a line from a terminal; empty if the user ends the input (Ctrl-D) or cancels (Ctrl-C). */
async function askLine(question: string, output: NodeJS.WritableStream): Promise<string> {
  const { createInterface } = await import('node:readline/promises')
  const terminal = createInterface({ input: process.stdin, output, terminal: true })
  const closed = new Promise<string>((resolve) => terminal.once('close', () => resolve('')))
  const typed = terminal.question(question).catch(() => '')
  const answer = await Promise.race([typed, closed])
  terminal.close()
  return answer
}

const BAR_WIDTH = 24
const REDRAW_INTERVAL_MS = 100

interface ProgressBar {
  (done: number, total: number, label?: string): void
  /** Restores the terminal. */
  end(): void
}

/** Draws a bar and the rate on a terminal's last line; draws nothing if stderr is no terminal. */
export function createProgressBar(unit: string, { quiet }: { quiet: boolean }): ProgressBar {
  const terminal = process.stderr
  if (quiet || !terminal.isTTY) return Object.assign(() => undefined, { end: () => undefined })
  let started = performance.now()
  let before = 0
  let drawn = Number.NEGATIVE_INFINITY
  const draw = (done: number, total: number, label = '') => {
    const now = performance.now()
    // The next pass over the same rows begins.
    if (done < before) started = now
    before = done
    if (now - drawn < REDRAW_INTERVAL_MS && done < total) return
    drawn = now
    const share = total === 0 ? 1 : done / total
    const bar = '█'.repeat(Math.round(share * BAR_WIDTH)).padEnd(BAR_WIDTH, '·')
    const rate = Math.round(done / Math.max(0.001, (now - started) / 1000))
    const figures = `${formatNumber(done)} of ${formatNumber(total)} ${unit}, ${formatNumber(rate)}/s`
    terminal.write(`\r\u001b[K${bar} ${Math.floor(share * 100)} %  ${figures}  ${label}`)
  }
  return Object.assign(draw, { end: () => void terminal.write('\r\u001b[K') })
}

const formatNumber = (n: number) => n.toLocaleString('en-US')
