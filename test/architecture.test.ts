import { globSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { describe, expect, test } from 'vitest'

/*
 * Enforces the layers of the architecture: imports point down, and siblings do not import each other.
 */

const ROOT = join(import.meta.dirname, '..')
const files = globSync('src/**/*.{ts,js,css}', { cwd: ROOT }).sort()
const sourceByFile = new Map(files.map((file) => [file, readFileSync(join(ROOT, file), 'utf8')]))

/** Removes comments. A string that looks like a comment stays. */
const stripComments = (file: string) =>
  (sourceByFile.get(file) ?? '').replace(
    /('(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"|`(?:[^`\\]|\\.)*`)|\/\*[\s\S]*?\*\/|\/\/[^\n]*/g,
    (_, literal: string | undefined) => literal ?? '',
  )

interface Import {
  readonly from: string
  /** `src/…` for a file of this repository, the name of a package, or `node:…`. */
  readonly to: string
  readonly typeOnly: boolean
}

/** Lists every static import, dynamic import and re-export of a file. */
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

/** The layers, and everything that each may import besides itself. */
const LAYERS: { layer: string; mayImport: readonly string[]; packages: readonly string[] }[] = [
  { layer: 'src/domain/', mayImport: [], packages: [] },
  // The vendor's side, which runs without the server and without Node.
  { layer: 'src/client/', mayImport: [], packages: [] },
  // uqr draws the QR code for an authenticator app: a text in, a grid of modules out.
  { layer: 'src/service/', mayImport: ['src/domain/'], packages: ['lru-cache', 'uqr'] },
  {
    layer: 'src/crypto/',
    mayImport: ['src/domain/', 'src/service/ports/'],
    packages: ['bcryptjs', 'jose', 'zod', 'lru-cache', 'otpauth'],
  },
  {
    layer: 'src/storage/',
    mayImport: ['src/domain/', 'src/service/ports/'],
    packages: ['kysely'],
  },
  {
    layer: 'src/operations/',
    mayImport: ['src/domain/', 'src/service/'],
    packages: ['zod'],
  },
  {
    layer: 'src/http/',
    mayImport: ['src/domain/', 'src/service/', 'src/operations/'],
    packages: ['hono', 'zod', '@hono/zod-openapi'],
  },
  { layer: 'src/settings.ts', mayImport: ['src/domain/'], packages: ['zod'] },
  { layer: 'src/config.ts', mayImport: ['src/domain/', 'src/settings.ts'], packages: ['zod'] },
  {
    layer: 'src/compose-apps.ts',
    mayImport: ['src/compose.ts', 'src/crypto/', 'src/http/', 'src/service/'],
    packages: ['hono'],
  },
  {
    layer: 'src/compose.ts',
    mayImport: [
      'src/config.ts',
      'src/crypto/',
      'src/domain/',
      'src/http/',
      'src/service/',
      'src/storage/',
    ],
    packages: [],
  },
  {
    layer: 'src/node/',
    mayImport: [
      // `latchkey token` is a client.
      'src/client/',
      'src/compose.ts',
      'src/compose-apps.ts',
      'src/config.ts',
      'src/crypto/',
      // The one file that `latchkey demo` starts.
      'src/demo/demo.ts',
      'src/domain/',
      'src/operations/',
      'src/service/',
      'src/settings.ts',
      // The file that `latchkey simulate` starts, and the list of faults for its help.
      'src/simulator/fault.ts',
      'src/simulator/simulate.ts',
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
    layer: 'src/demo/',
    mayImport: ['src/compose.ts', 'src/config.ts', 'src/domain/', 'src/node/', 'src/service/'],
    packages: ['@hono/node-server', 'hono'],
  },
  {
    layer: 'src/simulator/',
    mayImport: [
      'src/compose.ts',
      'src/compose-apps.ts',
      'src/config.ts',
      'src/demo/',
      'src/domain/',
      'src/node/',
      // Reads what a test sends.
      'src/operations/parse-input.ts',
    ],
    packages: ['@hono/node-server', 'hono', 'zod'],
  },
  {
    layer: 'src/worker/',
    mayImport: [
      'src/compose.ts',
      'src/compose-apps.ts',
      'src/config.ts',
      'src/crypto/',
      'src/domain/',
      // Two texts, which Node reads as files.
      'src/http/console/static/',
      'src/service/',
      'src/storage/',
    ],
    packages: ['@noble/curves', '@noble/hashes', '@phi-ag/argon2', 'cloudflare:workers', 'jose'],
  },
]
const findLayer = (file: string) => LAYERS.find(({ layer }) => file.startsWith(layer))

test('every source file belongs to a layer', () => {
  expect(files.length).toBeGreaterThan(40)
  expect(files.filter((file) => findLayer(file) === undefined)).toEqual([])
})

test('every import is recognized and leads to a file that exists', () => {
  expect(imports.length).toBeGreaterThan(150)
  // Counts independently of `listImports`: the last line of a statement, or a call.
  const ends = /^(?:import|export|\}).*\bfrom ['"]|^import ['"]|\bimport\(['"]/gm
  const names = files.flatMap((file) => stripComments(file).match(ends) ?? [])
  expect(imports).toHaveLength(names.length)
  const internal = imports.filter(({ to }) => to.startsWith('src'))
  expect(internal.filter(({ to }) => !files.includes(to))).toEqual([])
})

describe.each(LAYERS)('$layer', ({ layer, mayImport, packages }) => {
  const layerImports = imports.filter(({ from }) => from.startsWith(layer))

  test('imports only itself and the layers below it', () => {
    const allowed = [layer, ...mayImport]
    const wrong = layerImports.filter(
      ({ to }) => to.startsWith('src/') && !allowed.some((prefix) => to.startsWith(prefix)),
    )
    expect(wrong).toEqual([])
  })

  test('imports only the packages that belong to this layer', () => {
    const wrong = layerImports.filter(
      ({ to }) =>
        !to.startsWith('src/') &&
        !packages.includes(to) &&
        !(/^src\/(node|demo|simulator)\/$/.test(layer) && to.startsWith('node:')),
    )
    expect(wrong).toEqual([])
  })
})

test('storage and crypto import only types of the service layer', () => {
  const wrong = imports.filter(
    ({ from, to, typeOnly }) =>
      /^src\/(storage|crypto)\//.test(from) && to.startsWith('src/service/') && !typeOnly,
  )
  expect(wrong).toEqual([])
})

test('only the app imports the admin API, the console and each vendor’s protocol', () => {
  const modules = globSync(['src/http/{admin,console}/', 'src/http/vendors/*'], { cwd: ROOT })
    .map((path) => (path.endsWith('.ts') ? path : `${path.replace(/\/$/, '')}/`))
    // The one file in vendors/ that all of them share.
    .filter((path) => path !== 'src/http/vendors/surface-handlers.ts')
  expect(modules).toEqual(
    expect.arrayContaining(['src/http/vendors/redox/', 'src/http/vendors/xdent.ts']),
  )
  const wrong = imports.filter(({ from, to }) =>
    modules.some(
      (path) =>
        to.startsWith(path) &&
        !from.startsWith(path) &&
        from !== 'src/http/app.ts' &&
        // Delivery and test messages need the messages of Redox, and no app.
        !(from.startsWith('src/compose') && path === 'src/http/vendors/redox/') &&
        // Runtimes bring the console's stylesheet and script.
        !to.startsWith('src/http/console/static/'),
    ),
  )
  expect(wrong).toEqual([])
})

test('no import cycle exists at run time', () => {
  const below = new Map(
    files.map((file) => [
      file,
      // Type imports do not exist at run time.
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
  ])('is pure: does not use %s', (word) => {
    const whole = new RegExp(`(?<![\\w.'])${word.replace('.', '\\.')}\\b`)
    expect(domain.filter((file) => whole.test(stripComments(file)))).toEqual([])
  })
})

test('only node/, demo/ and simulator/ use the process and the environment', () => {
  // Code samples are programs for vendors, as text.
  const wrong = files.filter(
    (file) =>
      !/^src\/(node\/|demo\/|simulator\/|http\/console\/pages\/keys\/code-samples\.ts)/.test(
        file,
      ) && /\bprocess\b|\bBuffer\b|__dirname/.test(stripComments(file)),
  )
  expect(wrong).toEqual([])
})

test('only the composition roots read the machine’s clock; other code takes a clock as a parameter', () => {
  const wrong = files.filter(
    (file) =>
      !/^src\/((node|demo|simulator|worker)\/|client\/runtime\.ts)/.test(file) &&
      /\bDate\.now\b|new Date\(\)|performance\./.test(stripComments(file)),
  )
  expect(wrong).toEqual([])
})

test('no source file uses Math.random', () => {
  expect(files.filter((file) => stripComments(file).includes('Math.random'))).toEqual([])
})

describe('a string of a wire format occurs in exactly one source file', () => {
  // The client, the demo, the simulator, the samples and the documents for clients are the other end of the wire, so
  // they repeat these strings.
  const server = files.filter(
    (file) =>
      !/^src\/(client\/|node\/cli\/(token|simulate)\.ts|demo\/|simulator\/|http\/openapi\/|domain\/credential-format\.ts|http\/console\/pages\/keys\/code-samples\.ts)/.test(
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
    '/.well-known/smart-configuration',
    '/.well-known/oauth-protected-resource',
    "'/health'",
    "'/ready'",
    'x-forwarded-for',
    'X-Forwarded-Host',
    'X-Latchkey-Account',
    'X-Latchkey-Site',
    'LATCHKEY_UPSTREAM_${',
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
