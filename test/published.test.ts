import { globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { listVendorDocuments } from '../src/compose-apps.ts'
import { SURFACES } from '../src/domain/key-type.ts'
import { SETTINGS } from '../src/settings.ts'
import { openWorldAt, USERNAMES } from './support/browser/console-fixture.ts'
import { CONSOLE_PAGES, resolvePagePath } from './support/browser/console-pages.ts'
import { type ConsoleClient, signInToConsole } from './support/console-client.ts'
import { readHelp } from './support/published/help.ts'
import { splitFrame } from './support/published/html.ts'
import { formatOperationTable } from './support/published/operation-table.ts'
import { createTextPage } from './support/published/page.ts'
import { PASSWORD } from './support/users.ts'

/*
 * Everything that people and programs read of a release, beside the answers in test/transcripts: the
 * API's document, the help of each command, and each page of the console. A change of it shows in the
 * stored files. `npm run update:published` writes them anew.
 */
const FOLDER = join(import.meta.dirname, 'published')
const DOCS_FOLDER = join(import.meta.dirname, '../docs')
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

/** Compares a page of docs with what the program says, or writes it. */
function expectGenerated(name: string, text: string): void {
  const path = join(DOCS_FOLDER, name)
  if (IS_UPDATE) writeFileSync(path, text)
  expect(text).toBe(readFileSync(path, 'utf8'))
}

/** Each command under a heading of its own. The options that all have are said once. */
function formatCliPage(help: string): string {
  const commands = help.split(/^\$ (?=latchkey .*--help$)/m).filter((text) => text !== '')
  const sections = commands.map((text) => {
    const [line = '', ...rest] = text.split('\n')
    const body = rest.join('\n').replace(/\nGlobal Options:\n(?: .*\n)+/, '')
    const name = line.replace(/ ?--help$/, '').trim()
    return `## ${name}\n\n\`\`\`text\n${body.trim()}\n\`\`\`\n`
  })
  return `${CLI_PAGE_START}\n${sections.join('\n')}`
}

const CLI_PAGE_START = `# Command line

\`npm run update:published\` makes this page from the help of each command.

In a checkout, \`latchkey\` stands for \`npm run -s latchkey --\`. Commands work on the database of
\`LATCHKEY_DATA\` or \`LATCHKEY_DATABASE\`, beside a running server, which applies changes at its next request.

- \`--json\` prints one JSON document on stdout. It is the JSON of the [management API](management-api.md):
  a list is \`{"items":[…],"next":…}\`, and times are RFC 3339.
- With \`--json\`, an error is one JSON document on stderr, and stdout is empty:
  \`{"error":{"problem":"not_found","message":"there is no key nope"}}\`. \`problem\` is \`not_found\`, \`conflict\`,
  \`invalid\`, \`usage\`, \`configuration\`, \`failed\` or another problem of the management API.
- Exit codes: 0 done, 1 refused or failed, 2 wrong usage or configuration.
`

let world: Awaited<ReturnType<typeof openWorldAt>>
beforeAll(async () => {
  world = await openWorldAt(NOW)
})
afterAll(() => world.close())

test('the help of each command is as stored', async () => {
  expectStored('help.txt', await readHelp())
})

test('docs/cli.md has the help of each command', async () => {
  expectGenerated('cli.md', formatCliPage(await readHelp()))
})

test('docs/configuration.md has each setting, its default and its meaning', () => {
  const rows = Object.entries(SETTINGS).map(
    ([name, { default: value, help }]) =>
      `| \`${name}\` | ${value === '' ? '' : `\`${value}\``} | ${help} |`,
  )
  const before = readFileSync(join(DOCS_FOLDER, 'configuration.md'), 'utf8')
  const table = ['| setting | default | meaning |', '|---|---|---|', ...rows].join('\n')
  expectGenerated(
    'configuration.md',
    before.replace(/^\| setting [\s\S]*?\n(?!\|)/m, () => `${table}\n`),
  )
})

test('docs/management-api.md has the request, permission, command and page of each operation', async () => {
  const before = readFileSync(join(DOCS_FOLDER, 'management-api.md'), 'utf8')
  const table = formatOperationTable(await readHelp())
  expectGenerated(
    'management-api.md',
    before.replace(/^\| operation [\s\S]*?\n(?!\|)/m, () => `${table}\n`),
  )
})

test('the document of the API is as stored', async () => {
  const answer = await world.call('/admin/v1/openapi.json', { method: 'GET' })
  expectStored('openapi.json', `${JSON.stringify(await answer.json(), null, 1)}\n`)
})

test('the document of each API for vendors is as stored', async () => {
  const upstreams = Object.fromEntries(
    SURFACES.map((surface) => [surface, new URL('http://behind')]),
  )
  const publicUrl = 'https://latchkey.example'
  for (const { name, document } of await listVendorDocuments({ publicUrl, upstreams })) {
    expectStored(`openapi-${name}.json`, `${JSON.stringify(document, null, 1)}\n`)
  }
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
