import { globSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { describe, expect, test } from 'vitest'

/*
 * The drawing of the architecture, held: imports point down, siblings never look sideways.
 */

const ROOT = join(import.meta.dirname, '..')
const files = globSync('src/**/*.ts', { cwd: ROOT }).sort()
const sourceByFile = new Map(files.map((file) => [file, readFileSync(join(ROOT, file), 'utf8')]))

/** Code without its comments. (A string that looks like one stays, and is seen.) */
const stripComments = (file: string) =>
  (sourceByFile.get(file) ?? '').replace(
    /('(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"|`(?:[^`\\]|\\.)*`)|\/\*[\s\S]*?\*\/|\/\/[^\n]*/g,
    (_, literal: string | undefined) => literal ?? '',
  )

interface Import {
  readonly from: string
  /** `src/…` for a file of ours, or the name of a package, or `node:…`. */
  readonly to: string
  readonly typeOnly: boolean
}

/** Every static and dynamic import and re-export of a file. */
function listImports(from: string): Import[] {
  const found: Import[] = []
  const statement =
    /\b(import|export)\s+(type\s)?\s*(?:[\w*$\s{},]*?\sfrom\s*|)(['"])([^'"]+)\3|\bimport\s*\(\s*(['"])([^'"]+)\5|\brequire\s*\(\s*(['"])([^'"]+)\7/g
  for (const [, , type, , plain, , dynamic, , required] of stripComments(from).matchAll(
    statement,
  )) {
    const name = plain ?? dynamic ?? required ?? ''
    const to = name.startsWith('.') ? normalize(join(dirname(from), name)) : toPackageName(name)
    found.push({ from, to, typeOnly: type !== undefined })
  }
  return found
}

const toPackageName = (name: string) =>
  name.startsWith('node:') ? name : name.split('/', name.startsWith('@') ? 2 : 1).join('/')

const imports = files.flatMap(listImports)

/** The rooms, and the whole of what each may import beside itself. */
const LAYERS: { room: string; mayImport: readonly string[]; packages: readonly string[] }[] = [
  { room: 'src/domain/', mayImport: [], packages: [] },
  // uqr draws what an authenticator app scans: a text in, a grid of modules out.
  { room: 'src/service/', mayImport: ['src/domain/'], packages: ['lru-cache', 'uqr'] },
  {
    room: 'src/crypto/',
    mayImport: ['src/domain/', 'src/service/ports/'],
    packages: ['jose', 'zod', 'lru-cache', 'otpauth'],
  },
  {
    room: 'src/storage/',
    mayImport: ['src/domain/', 'src/service/ports/'],
    packages: ['kysely'],
  },
  {
    room: 'src/http/',
    mayImport: ['src/domain/', 'src/service/'],
    packages: ['hono', 'zod', '@hono/zod-openapi'],
  },
  { room: 'src/config.ts', mayImport: ['src/domain/'], packages: ['zod'] },
  {
    room: 'src/compose.ts',
    mayImport: [
      'src/config.ts',
      'src/crypto/',
      'src/domain/',
      'src/http/',
      'src/service/',
      'src/storage/',
    ],
    packages: ['hono'],
  },
  {
    room: 'src/node/',
    mayImport: [
      'src/compose.ts',
      'src/config.ts',
      'src/crypto/',
      // What `latchkey demo` starts, and nothing else of it.
      'src/demo/demo.ts',
      'src/domain/',
      'src/service/',
      'src/storage/',
    ],
    packages: [
      '@hono/node-server',
      '@node-rs/argon2',
      'better-sqlite3',
      'commander',
      'hono',
      'pg',
      'pino',
    ],
  },
  {
    room: 'src/demo/',
    mayImport: ['src/compose.ts', 'src/config.ts', 'src/domain/', 'src/node/', 'src/service/'],
    packages: ['@hono/node-server', 'hono'],
  },
  {
    room: 'src/worker/',
    mayImport: [
      'src/compose.ts',
      'src/config.ts',
      'src/crypto/',
      'src/domain/',
      'src/service/',
      'src/storage/',
    ],
    packages: ['@noble/hashes', '@phi-ag/argon2', 'cloudflare:workers', 'jose'],
  },
]
const findLayer = (file: string) => LAYERS.find(({ room }) => file.startsWith(room))

test('every file stands in a room of the drawing', () => {
  expect(files.length).toBeGreaterThan(40)
  expect(files.filter((file) => findLayer(file) === undefined)).toEqual([])
})

test('every import is read, and leads to a file that exists', () => {
  expect(imports.length).toBeGreaterThan(150)
  // Counted in another way: the last line of a statement, or a call.
  const ends = /^(?:import|export|\}).*\bfrom ['"]|^import ['"]|\bimport\(['"]/gm
  const names = files.flatMap((file) => stripComments(file).match(ends) ?? [])
  expect(imports).toHaveLength(names.length)
  const ours = imports.filter(({ to }) => to.startsWith('src'))
  expect(ours.filter(({ to }) => !files.includes(to))).toEqual([])
})

describe.each(LAYERS)('$room', ({ room, mayImport, packages }) => {
  const layerImports = imports.filter(({ from }) => from.startsWith(room))

  test('imports of the house only itself and what lies below it', () => {
    const allowed = [room, ...mayImport]
    const wrong = layerImports.filter(
      ({ to }) => to.startsWith('src/') && !allowed.some((start) => to.startsWith(start)),
    )
    expect(wrong).toEqual([])
  })

  test('imports only its own packages', () => {
    const wrong = layerImports.filter(
      ({ to }) =>
        !to.startsWith('src/') &&
        !packages.includes(to) &&
        !(/^src\/(node|demo)\/$/.test(room) && to.startsWith('node:')),
    )
    expect(wrong).toEqual([])
  })
})

test('storage and crypto know the service by its types alone', () => {
  const wrong = imports.filter(
    ({ from, to, typeOnly }) =>
      /^src\/(storage|crypto)\//.test(from) && to.startsWith('src/service/') && !typeOnly,
  )
  expect(wrong).toEqual([])
})

test('a vendor’s room is entered by the app alone', () => {
  // What every vendor's routes use together.
  const shared = ['src/http/proxy/', 'src/http/json/', 'src/http/vendors/']
  const vendors = globSync(['src/http/*/', 'src/http/vendors/*/'], { cwd: ROOT })
    .map((folder) => `${folder}/`)
    .filter((folder) => !shared.includes(folder))
  expect(vendors).toContain('src/http/vendors/redox/')
  const wrong = imports.filter(({ from, to }) =>
    vendors.some(
      (vendor) => to.startsWith(vendor) && !from.startsWith(vendor) && from !== 'src/http/app.ts',
    ),
  )
  expect(wrong).toEqual([])
})

test('no file imports itself by a detour', () => {
  const below = new Map(
    files.map((file) => [
      file,
      // What only names a type is gone at run time.
      imports.filter(({ from, typeOnly }) => from === file && !typeOnly).map(({ to }) => to),
    ]),
  )
  const importsItself = (start: string): boolean => {
    const seen = new Set<string>()
    const next = [...(below.get(start) ?? [])]
    for (let file = next.pop(); file !== undefined; file = next.pop()) {
      if (file === start) return true
      if (seen.has(file)) continue
      seen.add(file)
      next.push(...(below.get(file) ?? []))
    }
    return false
  }
  expect(files.filter(importsItself)).toEqual([])
})

describe('the domain', () => {
  const domain = files.filter((file) => file.startsWith('src/domain/'))

  test.each([
    'await',
    'async',
    'Promise',
    'Date',
    'performance',
    'throw',
    'Math.random',
    'crypto',
    'process',
    'fetch',
    'console',
    'setTimeout',
    'globalThis',
  ])('decides on paper: no %s', (word) => {
    const whole = new RegExp(`(?<![\\w.'])${word.replace('.', '\\.')}\\b`)
    expect(domain.filter((file) => whole.test(stripComments(file)))).toEqual([])
  })
})

test('the environment is read, and a process ended, only under node/', () => {
  // (Samples are programs for others, as text.)
  const wrong = files.filter(
    (file) =>
      !/^src\/(node\/|demo\/|http\/console\/pages\/keys\/code-samples\.ts)/.test(file) &&
      /\bprocess\b|\bBuffer\b|__dirname/.test(stripComments(file)),
  )
  expect(wrong).toEqual([])
})

test('time comes from the clock that is handed in: only the composition roots ask the machine', () => {
  const wrong = files.filter(
    (file) =>
      !/^src\/(node|demo|worker)\//.test(file) &&
      /\bDate\.now\b|new Date\(\)|performance\./.test(stripComments(file)),
  )
  expect(wrong).toEqual([])
})

test('nothing secret is drawn from Math.random, anywhere', () => {
  expect(files.filter((file) => stripComments(file).includes('Math.random'))).toEqual([])
})

describe('a string that goes over a wire occurs in one source file:', () => {
  // The demo is the other end of the wire: a vendor's client, and a hospital. So is what a person is told to paste.
  const server = files.filter(
    (file) =>
      !/^src\/(demo\/|http\/(credential-format\.ts|console\/pages\/keys\/code-samples\.ts))/.test(
        file,
      ),
  )

  test.each([
    'Invalid request',
    'Required field missing',
    'Invalid field - ',
    'No subscriptions.',
    'Invalid synchronous destination',
    'DataModels',
    'AttemptID',
    'EventDateTime',
    'FacilityCode',
    "'verification-token'",
    "'application-name'",
    'X-RateLimit-Limit',
    'WWW-Authenticate',
    'Bearer realm',
    'Retry-After',
    'X-Request-Id',
    'apiKey',
    "'/auth/authenticate'",
    "'/auth/refreshToken'",
    "'/endpoint'",
    "'/query'",
    '/.well-known/jwks.json',
    "'/health'",
    "'/ready'",
    'x-forwarded-for',
    'X-Forwarded-Host',
    'X-Latchkey-Account',
    'X-Latchkey-Site',
    'LATCHKEY_UPSTREAM_${',
    'at+jwt',
    "'rt_'",
    'PatientAdmin',
    "'X-API-Key'",
    'OperationOutcome',
    'application/fhir+json',
    'application/hl7-v2+er7',
    "'/fhir/*'",
    "'/v2/ingest'",
    'success: false',
    'MISSING_API_KEY',
    'RetryAfterSeconds',
    'CompanyId',
    'Basic realm',
    "'/practice/v1/me'",
    'ODFHIR realm',
    'odfhir[',
    'API key has not been assigned.',
    'DisabledByDeveloper',
    'EnabledReadOnly',
    'DateTimeAssigned',
    '0001-01-01',
  ])('%s', (word) => {
    const quoted = server.filter((file) => stripComments(file).includes(word))
    expect(quoted).toHaveLength(1)
  })
})
