import { describe, expect, test } from 'vitest'
import { findConfigWarnings, readConfig } from '../src/config.ts'
import { listProblems, type Settings } from './config-fixture.ts'

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
