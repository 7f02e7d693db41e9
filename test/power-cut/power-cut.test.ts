import { spawnSync } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { createEnvironment } from '../support/process.ts'
import { createSeededRandom, TEST_SEED } from '../support/random.ts'
import { createTempFolder } from '../support/server.ts'
import { checkAfterPowerCut } from './check.ts'
import { RecordedDisk } from './recorded-disk.ts'
import {
  type Acknowledgment,
  type DiskEvent,
  LONG_MESSAGE_LENGTH,
  parseMark,
  readEvents,
} from './recording.ts'

/** For a longer run: more rounds of work, and a power cut at more of the syncs, or at all of them. */
const { TEST_POWER_CUT_ROUNDS = '24', TEST_POWER_CUTS = '45' } = process.env
/**
 * These are always cut: the last syncs, those of a ring that gets its name, those that move the log, and the
 * first after the answer to a long message.
 */
const LAST_CUTS = 5
const RARE_SYNC = /\/(?:keyring\.json|latchkey\.db)$/

const canRecord = process.platform === 'linux' && spawnSync('cc', ['--version']).status === 0
if (!canRecord) console.log('Skipped: power cuts; the recorder needs Linux and a C compiler.')

describe.skipIf(!canRecord)('a power cut', () => {
  const home = createTempFolder()
  const root = join(home, 'disk')
  let events: readonly DiskEvent[]
  beforeAll(() => {
    events = recordWork(home, root)
  })

  test('is simulated with a recording that makes the same files when it is played back', () => {
    const disk = new RecordedDisk(root)
    for (const event of events) disk.apply(event)
    const files = disk.listFiles()
    const names = readdirSync(root, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && !entry.name.endsWith('-shm'))
      .map(({ parentPath, name }) => join(parentPath, name).slice(root.length + 1))
    expect([...files.keys()].sort()).toEqual(names.sort())
    for (const name of names) {
      expect(files.get(name)?.equals(readFileSync(join(root, name))), name).toBe(true)
    }
  })

  test('loses nothing that was acknowledged, at whichever sync it comes', async () => {
    const chance = createSeededRandom(TEST_SEED, 'power cut: moments')
    const syncs = events.filter(({ kind }) => kind === 'sync ended')
    const cuts = TEST_POWER_CUTS === 'all' ? syncs.length : Number(TEST_POWER_CUTS)
    const isLong = (answer: Acknowledgment | undefined) =>
      answer?.kind === 'message' && answer.note.length >= LONG_MESSAGE_LENGTH
    const isCut = (event: DiskEvent) =>
      isLong(acknowledged.at(-1)) ||
      syncs.indexOf(event) >= syncs.length - LAST_CUTS ||
      RARE_SYNC.test(event.text) ||
      chance.happens(cuts / syncs.length)
    const disk = new RecordedDisk(root)
    const acknowledged: Acknowledgment[] = []
    const problems: string[] = []
    let checked = 0
    for (const event of [...events, null]) {
      if (event === null || (event.kind === 'sync ended' && isCut(event))) {
        // The changes that the sync brings are not there yet.
        for (const kept of [null, chance]) {
          const left = join(home, `cut-${++checked}`)
          disk.cutPower(left, kept)
          await checkAfterPowerCut(left, acknowledged).catch((error: unknown) => {
            problems.push(
              `before ${event?.text ?? 'the end'}, ${kept ? 'a part' : 'nothing'} kept: ${error}`,
            )
          })
          rmSync(left, { recursive: true })
        }
      }
      if (event?.kind === 'mark') acknowledged.push(parseMark(event))
      else if (event !== null) disk.apply(event)
    }
    console.log(`power cuts: ${checked} at ${syncs.length} syncs, ${acknowledged.length} answers`)
    expect(problems).toEqual([])
    expect(acknowledged.some(isLong)).toBe(true)
  })
})

/** Returns what a working server and operator did to their files. */
function recordWork(home: string, root: string): DiskEvent[] {
  const [library, recording] = [join(home, 'recorder.so'), join(home, 'recording')]
  const source = join(import.meta.dirname, 'recorder.c')
  runProgram('cc', ['-shared', '-fPIC', '-o', library, source, '-ldl', '-lpthread'])
  mkdirSync(root)
  const script = join(import.meta.dirname, 'workload.ts')
  const args = [join(root, 'data'), recording, String(TEST_SEED), TEST_POWER_CUT_ROUNDS]
  const settings = { LD_PRELOAD: library, RECORDED_FOLDER: root, RECORDING: recording }
  runProgram(process.execPath, [script, ...args], settings)
  return [...readEvents(readFileSync(recording))]
}

function runProgram(program: string, args: readonly string[], settings = {}): void {
  const { status, signal, stderr } = spawnSync(program, args, {
    env: createEnvironment(settings),
    encoding: 'utf8',
  })
  if (status !== 0 && signal !== 'SIGKILL') throw new Error(`${program}: ${stderr}`)
}
