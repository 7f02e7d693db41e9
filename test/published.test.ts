import { globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openWorldAt, USERNAMES } from './support/browser/console-fixture.ts'
import { CONSOLE_PAGES, resolvePagePath } from './support/browser/console-pages.ts'
import { type ConsoleClient, signInToConsole } from './support/console-client.ts'
import { readHelp } from './support/published/help.ts'
import { splitFrame } from './support/published/html.ts'
import { createTextPage } from './support/published/page.ts'
import { PASSWORD } from './support/users.ts'

/*
 * Everything that people and programs read of a release, beside the answers in test/transcripts: the
 * API's document, the help of each command, and each page of the console. A change of it shows in the
 * stored files. `npm run update:published` writes them anew.
 */
const FOLDER = join(import.meta.dirname, 'published')
const IS_UPDATE = process.env.UPDATE_PUBLISHED === '1'
const NOW = Date.UTC(2026, 9, 14, 15, 30)

const compared = new Set<string>()
if (IS_UPDATE) rmSync(FOLDER, { recursive: true, force: true })

function expectStored(name: string, text: string): void {
  const path = join(FOLDER, name)
  if (IS_UPDATE && !compared.has(name)) {
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, text)
  }
  compared.add(name)
  expect(text).toBe(readFileSync(path, 'utf8'))
}

let world: Awaited<ReturnType<typeof openWorldAt>>
beforeAll(async () => {
  world = await openWorldAt(NOW)
})
afterAll(() => world.close())

test('the help of each command is as stored', async () => {
  expectStored('help.txt', await readHelp())
})

test('the document of the API is as stored', async () => {
  const answer = await world.call('/admin/v1/openapi.json', { method: 'GET' })
  expectStored('openapi.json', `${JSON.stringify(await answer.json(), null, 1)}\n`)
})

describe.each([...new Set(CONSOLE_PAGES.map(({ viewer }) => viewer))])(
  'the console as %s',
  (as) => {
    let signedIn: Pick<ConsoleClient, 'get' | 'send'>
    beforeAll(async () => {
      signedIn = await signInToConsole(
        world,
        as === 'nobody' ? null : { username: USERNAMES[as], password: PASSWORD },
      )
    })

    test.each(CONSOLE_PAGES.filter((shown) => shown.viewer === as))(
      '$name is as stored',
      async (shown) => {
        const html = await createTextPage(signedIn, resolvePagePath(shown, world.ids)).read(
          shown.prepare,
        )
        const { page, frame } = splitFrame(html)
        expectStored(`console/${shown.name}.txt`, page)
        if (frame !== null) expectStored(`console/frame-${as}.txt`, frame)
      },
    )
  },
)

test('nothing else is stored', () => {
  const stored = globSync('**/*.{txt,json}', { cwd: FOLDER }).sort()
  expect(stored).toEqual([...compared].sort())
})
