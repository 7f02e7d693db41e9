import { execFile } from 'node:child_process'
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { PROGRAM } from '../runner/program.ts'
import { runWarmCli } from '../support/cli/warm-cli.ts'
import { createEnvironment } from '../support/process.ts'
import { createTempFolder } from '../support/server.ts'
import {
  DOCUMENTS,
  findDocument,
  findLatchkeyArguments,
  listShellLines,
  SCRIPT_PAGE,
} from './documents.ts'
import { SAMPLES_NOT_RUN } from './samples-not-run.ts'

/** Lines that need a shell, or a folder of their own, run as `sh` runs them. */
const NEEDS_SHELL = /[<>|]|\.\/|\/backup\/|\w\.(?:jsonl|csv|sql|db)\b/
const run = promisify(execFile)

const PAGES = DOCUMENTS.map(({ file, samples }) => ({
  file,
  lines: samples.filter(({ language }) => language === 'sh').flatMap(listShellLines),
})).filter(({ file, lines }) => file !== SCRIPT_PAGE && lines.some(findLatchkeyArguments))

let destination: Server
beforeAll(async () => {
  destination = createServer(async (request, response) => {
    response.end(await text(request))
  })
  await new Promise<void>((resolve) => destination.listen(0, '127.0.0.1', resolve))
})
afterAll(() => destination.close())

const SUNSET_OPTIONS = ['--key-type', 'xdent', '--sunset-at', '2099-12-31', '--yes']

/** Creates what the variables of the pages name, in a database of its own. */
async function createFixture() {
  const home = createTempFolder()
  const dir = join(home, 'data')
  for (const name of ['bin', 'backup']) mkdirSync(join(home, name))
  const { samples } = findDocument('docs/migrate.md')
  const file = samples.find(({ language }) => language === 'csv')?.text ?? ''
  writeFileSync(join(home, 'keys.csv'), `${file}\n`)
  const program = join(home, 'bin', 'latchkey')
  writeFileSync(program, `#!/bin/sh\nexec '${process.execPath}' '${PROGRAM}' "$@"\n`)
  chmodSync(program, 0o755)
  const settings = {
    LATCHKEY_DATA: dir,
    LATCHKEY_DESTINATIONS_ALLOWED: '127.0.0.1',
    LATCHKEY_RETENTION_DAYS: '1',
  }
  const run = (args: readonly string[]) => runWarmCli(args, { dir, env: settings })
  async function create(...args: string[]): Promise<string> {
    const { code, stdout, stderr } = await run([...args, '--json'])
    if (code !== 0) throw new Error(`latchkey ${args.join(' ')}: ${stderr}${stdout}`)
    const { id, key, messageId } = JSON.parse(stdout)
    return id ?? key?.id ?? messageId
  }
  const account = await create('accounts', 'create', '--name', 'Acme Health')
  const [inAccount, named] = [
    ['--account', account],
    ['--name', 'First'],
  ]
  const user = ['users', 'create', ...inAccount, '--role', 'engineer', '--email']
  const owner = await create(...user, 'owner@acme.example', '--username', 'owner')
  const source = await create('sources', 'create', ...inAccount, ...named)
  const developer = await create('developers', 'create', ...inAccount, ...named)
  const { port } = destination.address() as AddressInfo
  const to = ['--url', `http://127.0.0.1:${port}/`, '--development', ...named]
  const destinationId = await create('destinations', 'create', ...inAccount, ...to)
  await run(['destinations', 'verify', destinationId])
  const route = ['--source', source, '--destination', destinationId]
  const owned = ['keys', 'create', '--owner', owner, ...named]
  await create(...owned, '--key-type', 'redox', '--source', source)
  const variables = {
    ACCOUNT: account,
    OWNER: owner,
    COLLEAGUE: await create(...user, 'colleague@acme.example'),
    SOURCE: source,
    NEW_SOURCE: await create('sources', 'create', ...inAccount, '--name', 'Second'),
    SITE: await create('sites', 'create', ...inAccount, ...named),
    DEVELOPER: developer,
    DESTINATION: destinationId,
    SUBSCRIPTION: await create('subscriptions', 'create', ...route),
    KEY: await create(...owned, '--key-type', 'opendental', '--developer', developer),
    MESSAGE: await create('messages', 'test', ...route),
    SUNSET: await create('sunset', 'set', ...inAccount, ...SUNSET_OPTIONS),
  }
  return { home, variables, settings, run }
}

describe.each(PAGES)('each command of $file', ({ lines }) => {
  test('succeeds, in the order of the page', async () => {
    const fixture = await createFixture()
    for (const line of lines) {
      const args = findLatchkeyArguments(line)
      if (args === undefined || args in SAMPLES_NOT_RUN) continue
      const { code, stdout, stderr } = NEEDS_SHELL.test(args)
        ? await runInShell(args, fixture)
        : await fixture.run(parseArguments(args, fixture.variables))
      expect({ line, code, output: code === 0 ? '' : stdout + stderr }).toEqual({
        line,
        code: 0,
        output: '',
      })
    }
  })
})

async function runInShell(
  args: string,
  { home, settings, variables }: Awaited<ReturnType<typeof createFixture>>,
) {
  const command = `latchkey ${args}`.replaceAll('/backup/', `${home}/backup/`)
  const env = createEnvironment({
    ...settings,
    ...variables,
    PATH: `${home}/bin:${process.env.PATH}`,
  })
  const failed = (error: { code: number; stdout: string; stderr: string }) => error
  return run('sh', ['-c', command], { cwd: home, env }).then(
    (output) => ({ code: 0, ...output }),
    failed,
  )
}

function parseArguments(line: string, variables: Readonly<Record<string, string>>): string[] {
  return [...line.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, bare = '']) =>
    quoted === undefined ? bare.replace(/^\$(\w+)$/, (_, name) => variables[name] ?? '') : quoted,
  )
}
