import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { expect, onTestFinished, test } from 'vitest'
import { createTempFolder } from '../support/server.ts'

const isLinux = process.platform === 'linux'

/** It starts another one of its own, and both would go on for ever. */
const LASTING = `
  require('node:child_process').spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'])
    .once('spawn', () => console.log('both run'))
  setInterval(() => {}, 1000)`

function start(args: readonly string[], mark: string): ChildProcess {
  const env = { ...process.env, TEST_RUN: mark }
  const child = spawn(process.execPath, args, { env, detached: true })
  onTestFinished(() => {
    child.kill('SIGKILL')
  })
  return child
}

test.skipIf(!isLinux)(
  'what a run of the tests has started ends with the run, as does its folder, and nothing else does',
  async () => {
    const [mark, other] = [crypto.randomUUID(), crypto.randomUUID()]
    const left = start(['-e', LASTING], mark)
    const unmarkedProcess = start(['-e', LASTING], other)
    await Promise.all([left, unmarkedProcess].map(({ stdout }) => stdout && once(stdout, 'data')))
    const ended = once(left, 'close')

    const folder = createTempFolder()
    writeFileSync(join(folder, 'left'), '')
    const end = (mark: string) => {
      const program = join(import.meta.dirname, './process-cleanup.ts')
      const watcher = spawn(process.execPath, [program, mark, '0', folder])
      watcher.stdin.end()
      return text(watcher.stderr)
    }
    const said = await end(mark)
    // Closed once the one that it started is gone too: that has the same output.
    expect(await ended).toEqual([null, 'SIGKILL'])
    expect(said.match(/^A test left this process behind, and it was ended: \d+ /gm)).toHaveLength(2)
    expect(existsSync(folder)).toBe(false)
    expect([unmarkedProcess.exitCode, unmarkedProcess.signalCode]).toEqual([null, null])
    expect(await end(other)).toContain('setInterval')
  },
)
