import { execFile, spawnSync } from 'node:child_process'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

const SOURCES = new URL('../../src/', import.meta.url)

/** The limit does not apply to root. */
const AS_USER = process.getuid?.() === 0 ? ['setpriv', '--reuid', '65534', '--clear-groups'] : []

/** Can start no thread after the limit is set. */
const PROGRAM = `
  import { execFileSync } from 'node:child_process'
  import { mkdtempSync, rmSync } from 'node:fs'
  import { openSqlite } from '${SOURCES}node/sqlite/engine.ts'
  import { SecretCheckThreads } from '${SOURCES}node/secret-check-threads.ts'
  import { createStorage } from '${SOURCES}storage/storage.ts'
  const dir = mkdtempSync('/tmp/latchkey-test-')
  const storage = createStorage(openSqlite(dir + '/latchkey.db'))
  const logged = []
  const threads = new SecretCheckThreads({ error: (_, message) => logged.push(message) })
  execFileSync('prlimit', ['--pid', process.pid, '--nproc=1:'])
  const describe = ({ name, message }) => [name, message]
  const written = await storage.addPayloadPart('m', 0, 'x'.repeat(700_000), 1).catch(describe)
  const checked = await threads.check('secret', {}, null)
  console.log(JSON.stringify({ written, checked, logged }))
  await storage.close()
  rmSync(dir, { recursive: true })`

const [command = process.execPath, ...args] = [...AS_USER, process.execPath]
/** False if the other user may not read the sources. */
const canRun = spawnSync(command, [...args, '--eval', `import('${SOURCES}config.ts')`]).status === 0
const canLimit = spawnSync('prlimit', ['--version']).status === 0

test.skipIf(!canRun || !canLimit)(
  'where the system allows no more threads, a long write and a check are refused for now',
  async () => {
    const program = ['--input-type=module', '--eval', PROGRAM]
    const { stdout } = await promisify(execFile)(command, [...args, ...program])
    expect(JSON.parse(stdout)).toEqual({
      written: ['Unavailable', 'a thread of the database cannot start'],
      checked: null,
      logged: ['a thread that checks imported secrets cannot start'],
    })
  },
)
