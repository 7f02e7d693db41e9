import { beforeAll, describe, expect, test } from 'vitest'
import { KEY_TYPE_NAMES } from '../../../src/domain/key-type.ts'
import {
  buildKeyArgs,
  type CliKeyWithSecret,
  type CliRow,
  KEY_TYPE_OWNER_OPTIONS,
  runJson, runJsonList,
  runJsonError,
  seedEveryCliKeyType,
} from '../../support/cli/commands.ts'
import { runWarmCli } from '../../support/cli/warm-cli.ts'
import { createTempFolder } from '../../support/server.ts'

const dir = createTempFolder()
let seeded: Awaited<ReturnType<typeof seedEveryCliKeyType>>
beforeAll(async () => {
  seeded = await seedEveryCliKeyType(dir)
})

describe('a new key', () => {
  test.each(KEY_TYPE_NAMES)(
    'of %s belongs to what its dialect says, and to nothing else',
    (dialect) => {
      const place = KEY_TYPE_OWNER_OPTIONS[dialect]
      expect(seeded.createdKeys[dialect].key).toMatchObject({
        dialect,
        name: `${dialect} key`,
        status: 'enabled',
        access: 'standard',
        ownerId: seeded.ids.owner,
        sourceId: place === 'source' ? seeded.ids.source : null,
        siteId: place === 'site' ? seeded.ids.site : null,
        developerId: place === 'developer' ? seeded.ids.developer : null,
      })
    },
  )

  test('comes with what its vendor pastes', () => {
    const {
      redox,
      xenrad,
      opendental,
      'opendental-portal': portal,
      xdent,
      practice,
    } = seeded.createdKeys
    expect(JSON.parse(redox.presented.value)).toEqual({
      apiKey: redox.key.publicId,
      secret: redox.secret,
    })
    expect(xenrad.presented).toEqual({ as: 'X-API-Key', value: xenrad.secret })
    for (const { presented, secret } of [opendental, portal]) {
      expect(secret).toMatch(/^[A-Z0-9]{16}$/)
      expect(presented).toEqual({
        as: 'Authorization',
        value: `ODFHIR ${seeded.developerKey}/${secret}`,
      })
    }
    expect(xdent.presented).toEqual({
      as: 'X-Api-Key',
      value: `${xdent.key.publicId}.${xdent.secret}`,
    })
    expect(practice.presented).toEqual({
      as: 'HTTP Basic',
      value: `dr.bixby:${practice.secret}`,
    })
  })

  test('says to people on one line how it is presented, and whether it can be seen again', async () => {
    const [once, repeat] = await Promise.all([
      runWarmCli(buildKeyArgs('xdent', seeded.ids.owner), { dir }),
      runWarmCli(buildKeyArgs('practice', seeded.ids.owner), { dir }),
    ])
    expect(once.stdout).toMatch(/^presented as +X-Api-Key: [0-9a-f-]{36}\.lk_[\w-]{49}$/m)
    expect(once.stderr).toBe('The secret is shown only now: keep it where its user will read it.\n')
    expect(repeat.stdout).toMatch(/^presented as +HTTP Basic: dr\.bixby:lk_[\w-]{49}$/m)
    expect(repeat.stderr).toBe(
      'Whoever reads the secret can use it. `latchkey keys view-secret` shows it again.\n',
    )
  })

  test('takes over secret, description, reference, access and expiry', async () => {
    const { key, ...rest } = await seeded.createKey(
      'opendental',
      [
        ...['--description', 'two\nlines', '--reference', 'CRM-17', '--access', 'enterprise'],
        ...['--expires-at', '2099-01-31', '--public-id', 'legacy-1', '--secret-stdin'],
      ],
      'nFF6i0KrXrxDkZHt',
    )
    expect(rest).toEqual({})
    expect(key).toMatchObject({
      description: 'two\nlines',
      reference: 'CRM-17',
      access: 'enterprise',
      expiresAt: Date.UTC(2099, 0, 31),
      publicId: 'legacy-1',
    })
    const viewed = await runJson<CliKeyWithSecret>(dir, ['keys', 'view-secret', 'legacy-1'])
    expect(viewed.presented.value).toBe(`ODFHIR ${seeded.developerKey}/nFF6i0KrXrxDkZHt`)
  })

  test.each([
    ['redox', [], 'keys of redox belong to a source: add --source <id>'],
    [
      'xenrad',
      ['--source', 'x'],
      'keys of xenrad belong to a site: leave out --source and add --site <id>',
    ],
    [
      'opendental',
      ['--developer', 'x', '--site', 'y'],
      'keys of opendental belong to a developer: leave out --site',
    ],
    ['practice', ['--site', 'x'], 'keys of practice belong to their owner alone: leave out --site'],
  ] as const)('of %s with %j is wrong usage', async (dialect, place, message) => {
    expect(await runJsonError(dir, [...buildKeyArgs(dialect, seeded.ids.owner), ...place])).toEqual(
      {
        code: 2,
        problem: 'usage',
        message,
      },
    )
  })

  test.each([
    ['xenrad', ['--site', 'nowhere'], 'not_found', 'there is no site nowhere'],
    [
      'xdent',
      ['--access', 'enterprise'],
      'invalid',
      'keys of this dialect (xdent) cannot have the access enterprise: read or standard',
    ],
    ['xdent', ['--expires-at', '2020-01-31'], 'invalid', 'the expiry must be in the future'],
  ] as const)('of %s with %j is refused', async (dialect, more, problem, message) => {
    expect(await runJsonError(dir, [...buildKeyArgs(dialect, seeded.ids.owner), ...more])).toEqual({
      code: 1,
      problem,
      message,
    })
  })

  test('of practice needs an owner with a username', async () => {
    expect(await runJsonError(dir, buildKeyArgs('practice', seeded.ids.otherUser))).toEqual({
      code: 1,
      problem: 'invalid',
      message: 'the owner needs a username: their keys are presented with it',
    })
  })

  test('of an unknown dialect is wrong usage, and the known ones are named', async () => {
    const { code, message } = await runJsonError(dir, [
      ...buildKeyArgs('xdent', seeded.ids.owner),
      '--dialect',
      'epic',
    ])
    expect(code).toBe(2)
    expect(message).toContain(`Allowed choices are ${KEY_TYPE_NAMES.join(', ')}.`)
  })
})

describe('a list', () => {
  const listPublicIds = (rows: readonly CliRow[]) => rows.map(({ publicId }) => publicId)

  test('goes by dialect, status, developer and account, and all of these at once', async () => {
    const [first, second, third] = [
      await seeded.createKey('xdent', ['--name', 'first']),
      await seeded.createKey('xdent', ['--name', 'second']),
      await seeded.createKey('xdent', ['--name', 'third']),
    ]
    await runJson(dir, ['keys', 'disable', second.key.id])
    const enabled = ['keys', 'list', '--dialect', 'xdent', '--status', 'enabled']
    const rest = await runJsonList(dir, [...enabled, '--after', first.key.id])
    expect(listPublicIds(rest)).toEqual([third.key.publicId])
    const of = ['--account', seeded.ids.account, '--owner', seeded.ids.owner]
    const disabled = ['keys', 'list', ...of, '--dialect', 'xdent', '--status', 'disabled']
    expect(listPublicIds(await runJsonList(dir, disabled))).toEqual([second.key.publicId])
    const under = await runJsonList(dir, [
      'keys',
      'list',
      '--developer',
      seeded.ids.developer,
    ])
    expect(new Set(under.map(({ dialect }) => dialect))).toEqual(
      new Set(['opendental', 'opendental-portal']),
    )
    expect(await runJsonList(dir, ['keys', 'list', '--account', 'another'])).toEqual([])
  })

  test('that is filtered has whole pages, and says how to go on with the same filter', async () => {
    const account = (await runJson(dir, ['accounts', 'create', '--name', 'Beacon Labs'])).id
    const of = ['--account', account]
    const [owner, site] = await Promise.all([
      runJson(dir, ['users', 'create', ...of, '--email', 'e@beacon.example', '--role', 'engineer']),
      runJson(dir, ['sites', 'create', ...of, '--name', 'North']),
    ])
    const ids: unknown[] = []
    // Keys of both types alternate, so that a page of one type must skip rows.
    for (const n of [1, 2, 3]) {
      const { key } = await runJson<CliKeyWithSecret>(dir, [
        ...buildKeyArgs('xdent', owner.id),
        '--name',
        `x${n}`,
      ])
      ids.push(key.publicId)
      await runJson(dir, [...buildKeyArgs('xenrad', owner.id), '--site', site.id])
    }
    const args = ['keys', 'list', ...of, '--dialect', 'xdent', '--limit', '2', '--json']
    const first = await runWarmCli(args, { dir })
    const page = JSON.parse(first.stdout) as CliRow[]
    expect(listPublicIds(page)).toEqual(ids.slice(0, 2))
    const command = `latchkey ${args.join(' ')} --after ${page[1]?.id}`
    expect(first.stderr).toBe(`There is more: ${command}\n`)
    const second = await runWarmCli(command.split(' ').slice(1), { dir })
    expect(listPublicIds(JSON.parse(second.stdout) as CliRow[])).toEqual(ids.slice(2))
    expect(second.stderr).toBe('')
  })

  test('says to people who disabled a key, and that none has taken it into use', async () => {
    const { key } = await seeded.createKey('opendental')
    await runJson(dir, ['keys', 'disable', key.id, '--by', 'customer'])
    const { stdout } = await runWarmCli(['keys', 'list', '--dialect', 'opendental'], { dir })
    const line = stdout.split('\n').find((text) => text.startsWith(key.id))
    expect(line).toContain('disabled by customer, unassigned')
  })
})
