import { describe, expect, test } from 'vitest'
import { ConfigError, findConfigWarnings, readConfig } from '../src/config.ts'
import { SETTINGS } from '../src/settings.ts'

type Settings = Readonly<Record<string, string>>

const NO_PUBLIC_URL =
  'must be an http or https URL without blanks, credentials, query or fragment; a path in it may have letters, digits, dots, dashes, underscores and tildes'

/** Returns the problems of refused settings: the lines after the first. */
function listProblems(settings: Settings): string[] {
  try {
    readConfig(settings)
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    const [first, ...lines] = error.message.split('\n')
    expect(first).toBe('The configuration has problems:')
    return lines.map((line) => line.trim())
  }
  throw new Error('these settings were taken')
}

describe('the configuration', () => {
  test('of an empty environment is safe and complete', () => {
    expect(readConfig({})).toEqual({
      dataDir: './data',
      database: { engine: 'sqlite', path: './data/latchkey.db' },
      keyringPath: './data/keyring.json',
      signingKeyMs: 90 * 86_400_000,
      host: '127.0.0.1',
      port: 8080,
      publicUrl: null,
      region: 'us',
      trustedProxies: [],
      refreshLeewayMs: 60_000,
      accessTokenStrategy: 'opaque',
      failureLimits: { perAddress: 300, windowMs: 300_000 },
      digestImportedKeys: false,
      customerKeysPerDeveloper: 10_000,
      quota: { requests: 10_000, windowMs: 300_000 },
      auditYears: 6,
      auditRefusalBytesPerDay: 20_000_000,
      payloadRetentionMs: 0,
      messageLimitBytes: 40 * 1024 * 1024,
      upstreams: {},
      upstreamTimeoutMs: 60_000,
      destinationsAllowed: [],
      applicationName: 'Latchkey',
      console: { host: '127.0.0.1', port: 8081, publicUrl: null },
      stopTimeoutMs: 30_000,
      logLevel: 'info',
      ignoredVariables: [],
    })
    expect(findConfigWarnings(readConfig({}))).toEqual([])
  })

  test.each(['postgres', 'postgresql'])('accepts a PostgreSQL URL with the scheme %s', (scheme) => {
    const url = `${scheme}://latchkey:a%2Fb@db.example:5433/latchkey?sslmode=verify-full`
    expect(readConfig({ LATCHKEY_DATABASE: url }).database).toEqual({
      engine: 'postgres',
      url,
      connections: 7,
    })
    expect(
      readConfig({ LATCHKEY_DATABASE: url, LATCHKEY_DATABASE_CONNECTIONS: '3' }).database,
    ).toMatchObject({ connections: 3 })
  })

  test('rotates signing keys every 90 days with SQLite, and on PostgreSQL only if it is set', () => {
    const postgres = { LATCHKEY_DATABASE: 'postgres://db/latchkey' }
    const readDays = (environment: object) => readConfig({ ...environment }).signingKeyMs
    expect(readDays({})).toBe(90 * 86_400_000)
    expect(readDays({ LATCHKEY_SIGNING_KEY_DAYS: '0' })).toBeNull()
    expect(readDays(postgres)).toBeNull()
    expect(readDays({ ...postgres, LATCHKEY_SIGNING_KEY_DAYS: '7' })).toBe(7 * 86_400_000)
  })

  test('contains the value of every setting', () => {
    const config = readConfig({
      LATCHKEY_DATA: '/var/lib/latchkey',
      LATCHKEY_KEYRING: '/run/secrets/ring.json',
      LATCHKEY_SIGNING_KEY_DAYS: '30',
      LATCHKEY_HOST: '::1',
      LATCHKEY_PORT: '0',
      LATCHKEY_URL: 'https://api.example/base//',
      LATCHKEY_REGION: 'ca',
      LATCHKEY_TRUSTED_PROXIES: ' 10.0.0.0/8, 127.0.0.1 ,, fd00::/8 ',
      LATCHKEY_REFRESH_LEEWAY_SECONDS: '0',
      LATCHKEY_FAILURES_PER_ADDRESS: '2',
      LATCHKEY_FAILURES_SECONDS: '3',
      LATCHKEY_QUOTA_REQUESTS: '4',
      LATCHKEY_DIGEST_IMPORTED_KEYS: 'on',
      LATCHKEY_QUOTA_SECONDS: '5',
      LATCHKEY_AUDIT_YEARS: '10',
      LATCHKEY_MESSAGE_LIMIT_BYTES: '1024',
      LATCHKEY_UPSTREAM_FHIR: 'https://fhir.example/base/',
      LATCHKEY_UPSTREAM_PRACTICE: 'HTTP://127.0.0.1:8081',
      LATCHKEY_UPSTREAM_TIMEOUT_SECONDS: '7',
      LATCHKEY_DESTINATIONS_ALLOWED: '10.1.0.0/16',
      LATCHKEY_APPLICATION_NAME: 'Acme.Engine-2',
      LATCHKEY_CONSOLE: 'off',
      LATCHKEY_STOP_SECONDS: '8',
      LATCHKEY_LOG_LEVEL: 'silent',
    })
    expect(config).toMatchObject({
      dataDir: '/var/lib/latchkey',
      keyringPath: '/run/secrets/ring.json',
      signingKeyMs: 30 * 86_400_000,
      host: '::1',
      port: 0,
      publicUrl: 'https://api.example/base',
      region: 'ca',
      refreshLeewayMs: 0,
      failureLimits: { perAddress: 2, windowMs: 3000 },
      digestImportedKeys: true,
      quota: { requests: 4, windowMs: 5000 },
      auditYears: 10,
      messageLimitBytes: 1024,
      upstreams: {
        fhir: new URL('https://fhir.example/base/'),
        practice: new URL('http://127.0.0.1:8081'),
      },
      upstreamTimeoutMs: 7000,
      destinationsAllowed: [{ family: 4, bits: 0x0a010000n, prefix: 16 }],
      applicationName: 'Acme.Engine-2',
      console: null,
      stopTimeoutMs: 8000,
      logLevel: 'silent',
    })
    expect(config.trustedProxies.map(({ family, prefix }) => [family, prefix])).toEqual([
      [4, 8],
      [4, 32],
      [6, 8],
    ])
  })

  test('ignores variables without the LATCHKEY_ prefix', () => {
    const others = { PATH: '/bin', HOME: '/root', LATCH: 'x', latchkey_port: 'x', npm_x: undefined }
    expect(readConfig(others)).toEqual(readConfig({}))
  })

  test('uses the default of a setting that is undefined', () => {
    expect(readConfig({ LATCHKEY_PORT: undefined }).port).toBe(8080)
  })
})

/** Variables that Kubernetes sets for a Service with an unnamed port and one called `http`. */
function createServiceVariables(service: string, address: string): Settings {
  const at = address.includes(':') ? `[${address}]` : address
  return {
    [`${service}_SERVICE_HOST`]: address,
    [`${service}_SERVICE_PORT`]: '8080',
    [`${service}_SERVICE_PORT_HTTP`]: '8080',
    [`${service}_PORT`]: `tcp://${at}:8080`,
    [`${service}_PORT_8080_TCP`]: `tcp://${at}:8080`,
    [`${service}_PORT_8080_TCP_PROTO`]: 'tcp',
    [`${service}_PORT_8080_TCP_PORT`]: '8080',
    [`${service}_PORT_8080_TCP_ADDR`]: address,
    [`${service}_PORT_53_UDP`]: `udp://${at}:53`,
    [`${service}_PORT_53_UDP_PROTO`]: 'udp',
    [`${service}_PORT_53_UDP_PORT`]: '53',
    [`${service}_PORT_53_UDP_ADDR`]: address,
  }
}

describe('the variables that Kubernetes sets for a Service', () => {
  test.each([
    ['LATCHKEY', '10.96.0.17'],
    ['LATCHKEY', 'fd00:10:96::17'],
    ['LATCHKEY_CONSOLE', '10.96.0.18'],
    ['LATCHKEY_SERVICE', '10.96.0.19'],
    ['LATCHKEY_2', '10.96.0.20'],
  ])('is ignored and named: %s at %s', (service, address) => {
    const variables = createServiceVariables(service, address)
    expect(readConfig(variables)).toEqual({
      ...readConfig({}),
      ignoredVariables: Object.keys(variables),
    })
  })

  test('do not replace settings', () => {
    const settings = { ...createServiceVariables('LATCHKEY', '10.96.0.17'), LATCHKEY_PORT: '8081' }
    const config = readConfig(settings)
    expect(config.port).toBe(8081)
    expect(config.ignoredVariables).not.toContain('LATCHKEY_PORT')
  })

  test.each([
    ['LATCHKEY_PORT', 'tcp://latchkey:8080'],
    ['LATCHKEY_PORT', 'http://10.96.0.17:8080'],
    ['LATCHKEY_PORT', 'tcp://10.96.0.17'],
    ['LATCHKEY_PORT', 'tcp://10.96.0.17:8080/'],
    ['LATCHKEY_HOST', ''],
    ['LATCHKEY_SERVICE_HOST', 'latchkey.default.svc'],
    ['LATCHKEY_SERVICE_PORT', 'http'],
    ['LATCHKEY_SERVICE_PORTS', '8080'],
    ['LATCHKEY_PORT_TCP', 'tcp://10.96.0.17:8080'],
    ['LATCHKEY_PORT_8080_TCP_PROTO', 'http'],
    ['LATCHKEY_PORT_8080_TCP_ADDR', 'latchkey'],
    ['LATCHKEY_DATABASE', 'tcp://10.96.0.17:5432'],
  ])('is not what only looks like it: %s=%s', (name, value) => {
    expect(listProblems({ [name]: value })).toHaveLength(1)
  })
})

describe('the console’s address', () => {
  const readConsoleConfig = (settings: Settings) => readConfig(settings).console

  test.each([
    [{}, 8081],
    [{ LATCHKEY_PORT: '9000' }, 9001],
    [{ LATCHKEY_PORT: '0' }, 0],
    [{ LATCHKEY_PORT: '65535' }, 0],
    [{ LATCHKEY_CONSOLE_PORT: '0' }, 0],
    [{ LATCHKEY_PORT: '9000', LATCHKEY_CONSOLE_PORT: '443' }, 443],
  ])('of %j listens on this machine alone, at port %i', (settings, port) => {
    expect(readConsoleConfig(settings)).toEqual({ host: '127.0.0.1', port, publicUrl: null })
  })

  test('follows its settings', () => {
    const settings = {
      LATCHKEY_HOST: '10.0.0.5',
      LATCHKEY_PORT: '443',
      LATCHKEY_CONSOLE_HOST: '10.0.0.6',
      LATCHKEY_CONSOLE_PORT: '443',
      LATCHKEY_CONSOLE_URL: 'https://desk.example/keys/',
    }
    const expected = { host: '10.0.0.6', port: 443, publicUrl: 'https://desk.example/keys' }
    expect(readConsoleConfig(settings)).toEqual(expected)
  })

  test.each([
    [{ LATCHKEY_CONSOLE_PORT: '8080' }, /^LATCHKEY_CONSOLE_PORT must differ from LATCHKEY_PORT/],
    [
      {
        LATCHKEY_URL: 'https://api.example/v1',
        LATCHKEY_CONSOLE_URL: 'https://API.example:443/console',
      },
      /^LATCHKEY_CONSOLE_URL must have a host name or port of its own/,
    ],
  ])('is kept out of the origin of what upstreams serve: %j', (settings, reason) => {
    const [problem, ...more] = listProblems(settings)
    expect(problem).toMatch(reason)
    expect(more).toEqual([])
  })
})

describe('the warning about a console over plain http', () => {
  test.each([
    { LATCHKEY_CONSOLE_HOST: '0.0.0.0' },
    { LATCHKEY_CONSOLE_HOST: '10.0.0.5' },
    { LATCHKEY_CONSOLE_URL: 'http://console.example' },
  ])('is told of at the start: %j', (settings) => {
    const [danger, ...more] = findConfigWarnings(readConfig(settings))
    expect(danger).toContain('browsers store no session, so that nobody can sign in')
    expect(danger).toContain('LATCHKEY_CONSOLE_URL')
    expect(more).toEqual([])
  })

  test.each([
    { LATCHKEY_CONSOLE_HOST: '::1' },
    { LATCHKEY_CONSOLE_HOST: 'localhost' },
    { LATCHKEY_CONSOLE_URL: 'http://localhost:8081' },
    { LATCHKEY_CONSOLE_URL: 'https://console.example' },
    { LATCHKEY_CONSOLE_HOST: '0.0.0.0', LATCHKEY_CONSOLE_URL: 'https://console.example' },
    { LATCHKEY_CONSOLE: 'off', LATCHKEY_CONSOLE_HOST: '0.0.0.0' },
  ])('is not one like this: %j', (settings) => {
    expect(findConfigWarnings(readConfig(settings))).toEqual([])
  })
})

describe('a configuration problem', () => {
  test('is named once, together with all others in one error', () => {
    const found = listProblems({
      LATCHKEY_PROT: '1',
      LATCHKEY_COLOUR: 'red',
      LATCHKEY_DATA: '',
      LATCHKEY_HOST: '',
      LATCHKEY_PORT: '65536',
      LATCHKEY_URL: 'ftp://x',
      LATCHKEY_REGION: 'US East',
      LATCHKEY_TRUSTED_PROXIES: '10.0.0.1/8, nonsense, 127.0.0.1',
      LATCHKEY_REFRESH_LEEWAY_SECONDS: '3601',
      LATCHKEY_QUOTA_REQUESTS: 'many',
      LATCHKEY_CONSOLE: 'maybe',
      LATCHKEY_LOG_LEVEL: 'loud',
    })
    expect(found).toEqual([
      'LATCHKEY_PROT is not a setting; did you mean LATCHKEY_PORT?',
      'LATCHKEY_COLOUR is not a setting; `latchkey serve --help` lists them all',
      'LATCHKEY_DATA must name a folder',
      'LATCHKEY_HOST must name an address',
      'LATCHKEY_PORT must be from 0 to 65535',
      `LATCHKEY_URL ${NO_PUBLIC_URL}`,
      'LATCHKEY_REGION must be 1 to 32 of a-z, 0-9 and -',
      'LATCHKEY_TRUSTED_PROXIES "10.0.0.1/8" is not an address or network',
      'LATCHKEY_TRUSTED_PROXIES "nonsense" is not an address or network',
      'LATCHKEY_REFRESH_LEEWAY_SECONDS must be from 0 to 3600',
      'LATCHKEY_QUOTA_REQUESTS must be a whole number from 1 to 1000000000',
      'LATCHKEY_CONSOLE must be on or off',
      'LATCHKEY_LOG_LEVEL must be debug, info, warn, error or silent',
    ])
  })

  test.each([
    '',
    ' ',
    '-1',
    '+1',
    '1.0',
    '1e3',
    '0x10',
    ' 80',
    '80 ',
    '８０',
    'NaN',
    'Infinity',
    'true',
  ])('is a number that is not plainly one: %j', (text) => {
    expect(listProblems({ LATCHKEY_PORT: text })).toEqual([
      'LATCHKEY_PORT must be a whole number from 0 to 65535',
    ])
  })

  test.each([
    ['LATCHKEY_SIGNING_KEY_DAYS', 0, 3650],
    ['LATCHKEY_PORT', 0, 65_535],
    ['LATCHKEY_REFRESH_LEEWAY_SECONDS', 0, 3600],
    ['LATCHKEY_FAILURES_PER_ADDRESS', 1, 1_000_000_000],
    ['LATCHKEY_FAILURES_SECONDS', 1, 86_400],
    ['LATCHKEY_QUOTA_REQUESTS', 1, 1_000_000_000],
    ['LATCHKEY_QUOTA_SECONDS', 1, 86_400],
    ['LATCHKEY_MESSAGE_LIMIT_BYTES', 1024, 1_073_741_824],
    ['LATCHKEY_UPSTREAM_TIMEOUT_SECONDS', 1, 3600],
    ['LATCHKEY_STOP_SECONDS', 1, 3600],
  ] as const)('is a %s below %d or above %d', (name, least, most) => {
    for (const n of [least, most]) readConfig({ [name]: String(n) })
    const outside = [`${most + 1}`, '9'.repeat(400), ...(least > 0 ? [`${least - 1}`] : [])]
    for (const text of outside) {
      expect(listProblems({ [name]: text })).toEqual([`${name} must be from ${least} to ${most}`])
    }
  })

  test.each([
    'api.example',
    '//api.example',
    'ws://api.example',
    'file:///etc/passwd',
    'javascript:alert(1)',
    'https://',
    'https://api.example?x=1',
    'https://api.example/#part',
    'https://api.example/?',
    'https://user:hunter2@api.example',
    ' https://api.example',
    'https://api.example ',
    'https://api.example\n',
    'https://api.ex\tample',
    'https://api.example/a b',
    'https://api.example/a/../b',
    'https://api.example/%61',
    'https://api.example//a',
    'https://api.example/"onload=',
  ])('is a public URL that is not one: %j', (url) => {
    for (const name of ['LATCHKEY_URL', 'LATCHKEY_CONSOLE_URL']) {
      expect(listProblems({ [name]: url })).toEqual([`${name} ${NO_PUBLIC_URL}`])
    }
  })

  test.each([
    'fhir.example',
    'ftp://fhir.example',
    'https://',
    'https:fhir.example',
    'https:///fhir.example',
    'https://fhir.example?x=1',
    'https://fhir.example?',
    'https://fhir.example/#part',
    'https://fhir.example/#',
    'https://user@fhir.example',
    'https://user:hunter2@fhir.example',
    'https://:@fhir.example',
    'https://fhir.example:99999',
    ' https://fhir.example',
    'https://fhir.example ',
    'https://fhir.example/a\nb',
  ])('is an upstream that is not one: %j', (url) => {
    expect(listProblems({ LATCHKEY_UPSTREAM_XDENT: url })).toEqual([
      'LATCHKEY_UPSTREAM_XDENT must be an http or https URL without blanks, credentials, query or fragment',
    ])
  })

  test.each([
    ['LATCHKEY_LOGLEVEL', 'LATCHKEY_LOG_LEVEL'],
    ['LATCHKEY_TRUSTED_PROXY', 'LATCHKEY_TRUSTED_PROXIES'],
    ['LATCHKEY_HOSTS', 'LATCHKEY_HOST'],
    ['LATCHKEY_FAILURE_PER_ADDRESS', 'LATCHKEY_FAILURES_PER_ADDRESS'],
    ['LATCHKEY_REFRESH_LEEWAY_SECOND', 'LATCHKEY_REFRESH_LEEWAY_SECONDS'],
  ])('is an unknown setting, with the one that was meant: %s', (wrong, meant) => {
    expect(listProblems({ [wrong]: '' })).toEqual([
      `${wrong} is not a setting; did you mean ${meant}?`,
    ])
  })

  test('is reported for every unknown setting', () => {
    for (const name of ['LATCHKEY_', 'LATCHKEY_SECRET', 'LATCHKEY___proto__']) {
      expect(listProblems({ [name]: 'x' })).toHaveLength(1)
    }
  })

  test('does not repeat a value that may be a secret', () => {
    const value = 'hunter2-hunter2'
    for (const name of ['LATCHKEY_ADMIN_PASSWORD', 'LATCHKEY_PORT', 'LATCHKEY_LOG_LEVEL']) {
      expect(listProblems({ [name]: value }).join()).not.toContain(value)
    }
  })
})

describe('a warning', () => {
  const listDangers = (settings: Settings) => findConfigWarnings(readConfig(settings))

  test.each(['0.0.0.0', '::'])('is given for listening on %s without https', (host) => {
    for (const url of ['', 'http://api.example']) {
      const [danger, ...more] = listDangers({ LATCHKEY_HOST: host, LATCHKEY_URL: url })
      expect(danger).toContain(`LATCHKEY_HOST=${host} is open to the network`)
      expect(more).toEqual([])
    }
    expect(listDangers({ LATCHKEY_HOST: host, LATCHKEY_URL: 'https://api.example' })).toEqual([])
    expect(listDangers({ LATCHKEY_HOST: host, LATCHKEY_URL: 'HTTPS://api.example' })).toEqual([])
  })

  test.each(['0.0.0.0/0', '::/0', '10.0.0.0/8, ::/0'])(
    'is given for trusting every proxy: %s',
    (proxies) => {
      expect(listDangers({ LATCHKEY_TRUSTED_PROXIES: proxies })).toHaveLength(1)
    },
  )

  test('is given for allowing every destination', () => {
    for (const everything of ['0.0.0.0/0', '::/0', '10.0.0.0/8, ::/0']) {
      expect(listDangers({ LATCHKEY_DESTINATIONS_ALLOWED: everything })).toHaveLength(1)
    }
    expect(listDangers({ LATCHKEY_DESTINATIONS_ALLOWED: '10.0.0.0/8, ::1' })).toEqual([])
  })

  test.each([
    'db.example/latchkey',
    'db.example/latchkey?sslmode=disable',
    '/latchkey?host=10.0.0.1',
  ])('is a PostgreSQL on another machine without TLS: %s', (where) => {
    const [danger, ...more] = listDangers({ LATCHKEY_DATABASE: `postgres://${where}` })
    expect(danger).toContain('is sent unencrypted')
    expect(more).toEqual([])
  })

  test.each([
    'db.example/latchkey?sslmode=verify-full',
    'localhost/latchkey',
    '127.0.0.1:5433/latchkey',
    '[::1]/latchkey',
    '/latchkey?host=/var/run/postgresql',
    '%2Fvar%2Frun%2Fpostgresql/latchkey',
  ])('is not one here, or with TLS: %s', (where) => {
    expect(listDangers({ LATCHKEY_DATABASE: `postgres://${where}` })).toEqual([])
  })

  test.each([
    'http://fhir.example',
    'http://8.8.8.8',
    'http://172.32.0.1',
    'http://[2001:db8::1]/fhir',
    'http://10.0.0.1.example',
  ])('is an upstream that is reached in the clear: %s', (url) => {
    const [danger, ...more] = listDangers({ LATCHKEY_UPSTREAM_HL7: url })
    expect(danger).toContain('LATCHKEY_UPSTREAM_HL7 is neither https nor a private address')
    expect(more).toEqual([])
  })

  test.each([
    'https://fhir.example',
    'http://localhost:8080',
    'http://fhir:8080/fhir',
    'http://127.1.2.3',
    'http://10.0.0.1',
    'http://172.31.255.255',
    'http://192.168.1.1',
    'http://169.254.1.1',
    'http://[::1]:8080',
    'http://[::ffff:10.0.0.1]',
    'http://[fd00::1]',
  ])('is not one nearby, or with TLS: %s', (url) => {
    expect(listDangers({ LATCHKEY_UPSTREAM_HL7: url })).toEqual([])
  })

  test('is given for a leeway above five minutes', () => {
    expect(listDangers({ LATCHKEY_REFRESH_LEEWAY_SECONDS: '300' })).toEqual([])
    expect(listDangers({ LATCHKEY_REFRESH_LEEWAY_SECONDS: '301' })).toHaveLength(1)
  })

  test('is listed together with all others', () => {
    const all = {
      LATCHKEY_HOST: '0.0.0.0',
      LATCHKEY_TRUSTED_PROXIES: '0.0.0.0/0',
      LATCHKEY_REFRESH_LEEWAY_SECONDS: '3600',
    }
    expect(listDangers(all)).toHaveLength(3)
  })
})

describe('the settings', () => {
  test('contain no secret', () => {
    // This one names a kind of token.
    const names = Object.keys(SETTINGS).filter((name) => name !== 'LATCHKEY_ACCESS_TOKENS')
    expect(
      names.filter((name) => /SECRET|PASSWORD|TOKEN|CREDENTIAL|PEPPER|SALT/.test(name)),
    ).toEqual([])
    // The key ring is a separate file; only its path is a setting.
    expect(SETTINGS.LATCHKEY_KEYRING.default).toBe('')
  })

  test('have a help text in sentences', () => {
    for (const [name, { help }] of Object.entries(SETTINGS)) {
      expect([name, help]).toEqual([name, expect.stringMatching(/^[A-Zd].{15,}\.$/)])
    }
  })
})
