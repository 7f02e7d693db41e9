import { describe, expect, test } from 'vitest'
import { findConfigWarnings, readConfig } from '../src/config.ts'
import { SETTINGS } from '../src/settings.ts'
import { listProblems, NO_PUBLIC_URL, type Settings } from './config-fixture.ts'

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
      'LATCHKEY_HOST must be an address or a host name',
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
