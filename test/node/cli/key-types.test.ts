import { beforeAll, describe, expect, test } from 'vitest'
import { KEY_TYPE_NAMES } from '../../../src/domain/key-type.ts'
import {
  buildKeyArgs,
  type CliKeyWithSecret,
  type CliRow,
  KEY_TYPE_OWNER_OPTIONS,
  runJson,
  runJsonError,
  runJsonList,
  seedEveryCliKeyType,
} from '../../support/cli/commands.ts'
import { runWarmCli } from '../../support/cli/warm-cli.ts'
import { createClientKeyPair } from '../../support/oauth.ts'
import { createTempFolder } from '../../support/server.ts'

const dir = createTempFolder()
let seeded: Awaited<ReturnType<typeof seedEveryCliKeyType>>
beforeAll(async () => {
  seeded = await seedEveryCliKeyType(dir)
})

describe('an OAuth client', () => {
  const createArgs = () => [
    ...['keys', 'create', '--key-type', 'oauth', '--owner', seeded.ids.owner, '--name', 'feed'],
    ...['--scopes', 'fhir:production,system/Patient.rs', '--source-ids', seeded.ids.source],
  ]

  test('takes a list, a JWK Set and a duration as options, and has no secret', async () => {
    const { jwk } = await createClientKeyPair()
    const jwks = { keys: [jwk] }
    const created = await runJson<CliKeyWithSecret>(dir, [
      ...createArgs(),
      ...[
        '--jwks',
        JSON.stringify(jwks),
        '--token-lifetime',
        '2m',
        '--audience',
        'https://a.example',
      ],
    ])
    expect(created).toMatchObject({ secret: null, credential: null })
    const client = { jwks, audience: 'https://a.example', tokenLifetimeSeconds: 120 }
    expect(created.key.oauthClient).toMatchObject({
      ...client,
      scopes: ['fhir:production', 'system/Patient.rs'],
      sourceIds: [seeded.ids.source],
    })
    const edit = ['keys', 'edit', created.key.id, '--audience', '', '--scopes', 'introspect']
    const edited = await runJson<CliRow>(dir, edit)
    expect(edited.oauthClient).toMatchObject({
      ...client,
      audience: null,
      scopes: ['introspect'],
      sourceIds: [seeded.ids.source],
    })
    expect(await runJsonError(dir, ['keys', 'rotate-secret', created.key.id])).toMatchObject({
      problem: 'conflict',
      message: expect.stringContaining('has no secret'),
    })
  })

  test.each([
    [['--token-lifetime', '2h'], '--token-lifetime must be at most 3600'],
    [['--jwks', 'jwks.json'], '--jwks: write the JSON itself, such as "$(cat FILE)"'],
    [['--jwks', '[]'], '--jwks must be an object'],
    [
      ['--jwks-url', 'http://a.example'],
      '--jwks-url: the URL of the JWK Set must begin with https://',
    ],
    [[], '--jwks-url: a client that authenticates by private_key_jwt needs a JWK Set or its URL'],
  ])('names the option of a wrong setting: %j', async (more, message) => {
    const { stderr, code } = await runWarmCli([...createArgs(), ...more], { dir })
    expect([code, stderr]).toEqual([2, expect.stringContaining(message)])
  })
})

describe('a new key', () => {
  test.each(KEY_TYPE_NAMES)(
    'of %s belongs to the resource of its type, and to no other',
    (keyType) => {
      const place = KEY_TYPE_OWNER_OPTIONS[keyType]
      expect(seeded.createdKeys[keyType].key).toMatchObject({
        keyType,
        name: `${keyType} key`,
        status: 'enabled',
        access: 'standard',
        ownerId: seeded.ids.owner,
        sourceId: place === 'source' ? seeded.ids.source : null,
        siteId: place === 'site' ? seeded.ids.site : null,
        developerId: place === 'developer' ? seeded.ids.developer : null,
      })
    },
  )

  test('has its credential as the vendor’s program sends it', () => {
    const {
      redox,
      xenrad,
      opendental,
      'opendental-portal': portal,
      xdent,
      practice,
      oauth,
    } = seeded.createdKeys
    expect(oauth.credential).toEqual({
      as: 'HTTP Basic',
      value: `${oauth.key.publicId}:${oauth.secret}`,
    })
    expect(JSON.parse(redox.credential.value)).toEqual({
      apiKey: redox.key.publicId,
      secret: redox.secret,
    })
    expect(xenrad.credential).toEqual({ as: 'X-API-Key', value: xenrad.secret })
    for (const { credential, secret } of [opendental, portal]) {
      expect(secret).toMatch(/^[A-Z0-9]{16}$/)
      expect(credential).toEqual({
        as: 'Authorization',
        value: `ODFHIR ${seeded.developerKey}/${secret}`,
      })
    }
    expect(xdent.credential).toEqual({
      as: 'X-Api-Key',
      value: `${xdent.key.publicId}.${xdent.secret}`,
    })
    expect(practice.credential).toEqual({
      as: 'HTTP Basic',
      value: `dr.bixby:${practice.secret}`,
    })
  })

  test('prints its credential on one line, and names the command that recovers its secret', async () => {
    const [once, repeat] = await Promise.all([
      runWarmCli(buildKeyArgs('xdent', seeded.ids.owner), { dir }),
      runWarmCli(buildKeyArgs('practice', seeded.ids.owner), { dir }),
    ])
    expect(once.stdout).toMatch(/^credential as +X-Api-Key$/m)
    expect(once.stdout).toMatch(/^credential value +[0-9a-f-]{36}\.lk_[\w-]{49}$/m)
    expect(once.stderr).toMatch(
      /^Keep this\. If it is lost, run `latchkey keys rotate-secret [\w-]+`\.\n$/,
    )
    expect(repeat.stdout).toMatch(/^credential as +HTTP Basic$/m)
    expect(repeat.stdout).toMatch(/^credential value +dr\.bixby:lk_[\w-]{49}$/m)
    expect(repeat.stderr).toMatch(/`latchkey keys view-secret [\w-]+`/)
  })

  test('has the secret, description, reference, access and expiry that it was created with', async () => {
    const { key, ...rest } = await seeded.createKey(
      'opendental',
      [
        ...['--description', 'two\nlines', '--reference', 'CRM-17', '--access', 'enterprise'],
        ...['--expires-at', '2099-01-31', '--public-id', 'legacy-1', '--secret-stdin'],
      ],
      'nFF6i0KrXrxDkZHt',
    )
    expect(rest).toEqual({ secret: null, credential: null })
    expect(key).toMatchObject({
      description: 'two\nlines',
      reference: 'CRM-17',
      access: 'enterprise',
      expiresAt: '2099-01-31T00:00:00.000Z',
      publicId: 'legacy-1',
    })
    const viewed = await runJson<CliKeyWithSecret>(dir, ['keys', 'view-secret', 'legacy-1'])
    expect(viewed.credential.value).toBe(`ODFHIR ${seeded.developerKey}/nFF6i0KrXrxDkZHt`)
  })

  test.each([
    ['redox', [], '--source: a key of this type needs a source'],
    ['xenrad', ['--source', 'x'], '--source: keys of this type have no source'],
    ['opendental', ['--developer', 'x', '--site', 'y'], '--site: keys of this type have no site'],
    ['practice', ['--site', 'x'], '--site: keys of this type have no site'],
  ] as const)('of %s with %j is invalid', async (keyType, place, message) => {
    expect(await runJsonError(dir, [...buildKeyArgs(keyType, seeded.ids.owner), ...place])).toEqual(
      {
        code: 2,
        problem: 'invalid',
        message,
      },
    )
  })

  test.each([
    ['xenrad', ['--site', 'nowhere'], 1, 'not_found', 'there is no site nowhere'],
    [
      'xdent',
      ['--access', 'enterprise'],
      2,
      'invalid',
      '--access: keys of this type (xdent) cannot have the access enterprise: use read or standard',
    ],
    [
      'xdent',
      ['--expires-at', '2020-01-31'],
      2,
      'invalid',
      '--expires-at: the expiry must be in the future',
    ],
  ] as const)('of %s with %j is rejected', async (keyType, more, code, problem, message) => {
    expect(await runJsonError(dir, [...buildKeyArgs(keyType, seeded.ids.owner), ...more])).toEqual({
      code,
      problem,
      message,
    })
  })

  test('of practice needs an owner with a username', async () => {
    expect(await runJsonError(dir, buildKeyArgs('practice', seeded.ids.otherUser))).toEqual({
      code: 2,
      problem: 'invalid',
      message:
        '--owner: the owner needs a username, with which their keys are presented: set it first',
    })
  })

  test('of an unknown type is wrong usage, and the error names the known types', async () => {
    const { code, message } = await runJsonError(dir, [
      ...['keys', 'create', '--owner', seeded.ids.owner, '--name', 'epic key'],
      ...['--key-type', 'epic'],
    ])
    expect(code).toBe(2)
    expect(message).toContain(`Allowed choices are ${KEY_TYPE_NAMES.join(', ')}.`)
  })
})

describe('keys list', () => {
  const listPublicIds = (rows: readonly CliRow[]) => rows.map(({ publicId }) => publicId)

  test('filters by type, status, owner, developer and account', async () => {
    const [first, second, third] = [
      await seeded.createKey('xdent'),
      await seeded.createKey('xdent'),
      await seeded.createKey('xdent'),
    ]
    await runJson(dir, ['keys', 'disable', second.key.id])
    const enabled = ['keys', 'list', '--key-type', 'xdent', '--status', 'enabled']
    const newest = await runJsonList(dir, [...enabled, '--limit', '2'])
    expect(listPublicIds(newest)).toEqual([third.key.publicId, first.key.publicId])
    const of = ['--account', seeded.ids.account, '--owner', seeded.ids.owner]
    const disabled = ['keys', 'list', ...of, '--key-type', 'xdent', '--status', 'disabled']
    expect(listPublicIds(await runJsonList(dir, disabled))).toEqual([second.key.publicId])
    const under = await runJsonList(dir, ['keys', 'list', '--developer', seeded.ids.developer])
    expect(new Set(under.map(({ keyType }) => keyType))).toEqual(
      new Set(['opendental', 'opendental-portal']),
    )
    for (const filter of ['account', 'owner', 'site', 'developer']) {
      expect(await runJsonError(dir, ['keys', 'list', `--${filter}`, 'another'])).toEqual({
        code: 1,
        problem: 'not_found',
        message: `there is no ${filter === 'owner' ? 'user' : filter} another`,
      })
    }
  })

  test('with a filter has full pages, and the command for the next page has the same filter', async () => {
    const account = (await runJson(dir, ['accounts', 'create', '--name', 'Beacon Labs'])).id
    const of = ['--account', account]
    const [owner, site] = await Promise.all([
      runJson(dir, ['users', 'create', ...of, '--email', 'e@beacon.example', '--role', 'engineer']),
      runJson(dir, ['sites', 'create', ...of, '--name', 'North']),
    ])
    const ids: unknown[] = []
    // Keys of both types alternate, so that a page of one type must skip rows.
    for (const _ of [1, 2, 3]) {
      const { key } = await runJson<CliKeyWithSecret>(dir, buildKeyArgs('xdent', owner.id))
      ids.push(key.publicId)
      await runJson(dir, [...buildKeyArgs('xenrad', owner.id), '--site', site.id])
    }
    const args = [
      ...['keys', 'list', ...of, '--key-type', 'xdent'],
      '--order',
      'oldest',
      '--limit',
      '2',
    ]
    const page = await runJson<{ items: CliRow[]; next: string }>(dir, args)
    expect(listPublicIds(page.items)).toEqual(ids.slice(0, 2))
    const text = await runWarmCli(args, { dir })
    expect(text.stderr).toBe(`There is more: latchkey ${args.join(' ')} --after '${page.next}'\n`)
    const second = await runWarmCli([...args, '--after', page.next, '--json'], { dir })
    expect(second.stderr).toBe('')
    const rest = JSON.parse(second.stdout) as { items: CliRow[]; next: null }
    expect(listPublicIds(rest.items)).toEqual(ids.slice(2))
    expect(rest.next).toBe(null)
  })

  test('prints the party that disabled a customer key, and the office that it is assigned to', async () => {
    const [unassigned, assigned] = [
      (await seeded.createKey('opendental')).key,
      (await seeded.createKey('opendental')).key,
    ]
    await runJson(dir, ['keys', 'disable', unassigned.id, '--by', 'customer'])
    await runJson(dir, ['keys', 'assign', assigned.id, seeded.ids.site])
    const { stdout } = await runWarmCli(['keys', 'list', '--key-type', 'opendental'], { dir })
    const [headings = [], ...rows] = stdout.split('\n').map((line) => line.split(/ {2,}/))
    const readCells = (id: string) => {
      const row = rows.find((cells) => cells.includes(id))
      return ['STATUS', 'DISABLED BY', 'SITE'].map((name) => row?.[headings.indexOf(name)])
    }
    expect(readCells(unassigned.id)).toEqual(['disabled', 'customer', '-'])
    expect(readCells(assigned.id)).toEqual(['enabled', '-', 'Elm Street'])
  })
})
