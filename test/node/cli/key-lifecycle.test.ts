import { beforeAll, describe, expect, test } from 'vitest'
import { readConfig } from '../../../src/config.ts'
import { openLatchkey } from '../../../src/node/open-latchkey.ts'
import {
  buildKeyArgs,
  type CliKeyWithSecret,
  runJson,
  runJsonError,
  runJsonList,
  seedEveryCliKeyType,
} from '../../support/cli/commands.ts'
import { runWarmCli } from '../../support/cli/warm-cli.ts'
import { createTempFolder, createTestLog } from '../../support/server.ts'

const dir = createTempFolder()
let seeded: Awaited<ReturnType<typeof seedEveryCliKeyType>>
beforeAll(async () => {
  seeded = await seedEveryCliKeyType(dir)
})

describe('a secret', () => {
  test.each(['opendental', 'practice'] as const)(
    'of %s can be viewed again, and the audit records each view',
    async (keyType) => {
      const { key, ...revealed } = seeded.createdKeys[keyType]
      const { stdout, stderr } = await runWarmCli(['keys', 'view-secret', key.id, '--json'], {
        dir,
      })
      expect(JSON.parse(stdout)).toMatchObject({ key: { id: key.id }, ...revealed })
      expect(stderr).toBe('The audit records that you have viewed it.\n')
      const [event] = await runJsonList(dir, ['audit', 'list', '--subject', key.id])
      expect(event).toMatchObject({ actor: 'operator', action: 'key.viewed' })
    },
  )

  test.each(['redox', 'xenrad', 'opendental-portal', 'xdent'] as const)(
    'of %s cannot be viewed again',
    async (keyType) => {
      expect(
        await runJsonError(dir, ['keys', 'view-secret', seeded.createdKeys[keyType].key.id]),
      ).toEqual({
        code: 1,
        problem: 'conflict',
        message: `a secret of this key type (${keyType}) is shown once: rotate it`,
      })
    },
  )

  test('is rotated with an overlap, and is printed as the vendor’s program sends it', async () => {
    const { key } = await seeded.createKey('opendental')
    const args = ['keys', 'rotate-secret', key.id, '--overlap', '24h']
    const rotated = await runJson<CliKeyWithSecret>(dir, args)
    expect(rotated.credential.value).toBe(`ODFHIR ${seeded.developerKey}/${rotated.secret}`)
    expect(Date.parse(String(rotated.key.previousSecretEndsAt))).toBeGreaterThan(
      Date.now() + 86_000_000,
    )
    const viewed = await runJson<CliKeyWithSecret>(dir, ['keys', 'view-secret', key.id])
    expect(viewed.secret).toBe(rotated.secret)
  })

  test('that cannot be sent in a header is rejected', async () => {
    const args = [...buildKeyArgs('xdent', seeded.ids.owner), '--secret-stdin']
    expect(await runJsonError(dir, args, 'sixteen letters and blanks')).toEqual({
      code: 2,
      problem: 'invalid',
      message:
        '--secret-stdin: a secret that is sent in a header must be printable ASCII without blanks',
    })
  })
})

describe('keys edit', () => {
  test('changes what is named, and leaves the rest', async () => {
    const { key } = await seeded.createKey('xdent', [
      '--description',
      'old',
      '--expires-at',
      '2099-01-31',
    ])
    const edit = ['keys', 'edit', key.id]
    const edited = await runJson(dir, [...edit, '--name', 'new name', '--access', 'read'])
    expect(edited).toMatchObject({ name: 'new name', access: 'read', description: 'old' })
    expect(edited.expiresAt).toBe('2099-01-31T00:00:00.000Z')
    const cleared = await runJson(dir, [...edit, '--description', '', '--expires-at', 'never'])
    expect(cleared).toMatchObject({ name: 'new name', description: '', expiresAt: null })
  })

  test.each([
    [[], 'usage', 'nothing to change: add at least one option'],
    [['--name', ' '], 'invalid', '--name: the name must not be blank'],
    [
      ['--expires-at', '2020-01-31'],
      'invalid',
      '--expires-at: the expiry must be in the future: to end a key now, revoke it',
    ],
    [
      ['--access', 'read'],
      'invalid',
      '--access: keys of this type (redox) cannot have the access read: use standard',
    ],
  ] as const)('with %j exits 2', async (more, problem, message) => {
    const found = await runJsonError(dir, [
      'keys',
      'edit',
      seeded.createdKeys.redox.key.id,
      ...more,
    ])
    expect(found).toEqual({ code: 2, problem, message })
  })

  test('--owner transfers a key to a user of its account who can own it', async () => {
    const { key } = await seeded.createKey('xdent')
    const transferArgs = (to: string) => ['keys', 'edit', key.id, '--owner', to]
    expect(await runJson(dir, transferArgs(seeded.ids.otherUser))).toMatchObject({
      ownerId: seeded.ids.otherUser,
    })
    const elsewhere = (await runJson(dir, ['accounts', 'create', '--name', 'Elsewhere'])).id
    const stranger = await runJson(dir, [
      ...[
        'users',
        'create',
        '--account',
        elsewhere,
        '--email',
        'x@y.example',
        '--role',
        'engineer',
      ],
    ])
    expect(await runJsonError(dir, transferArgs(stranger.id))).toEqual({
      code: 2,
      problem: 'invalid',
      message: `--owner: user ${stranger.id} belongs to another account`,
    })
    expect((await runJsonError(dir, transferArgs('nobody'))).message).toBe(
      'there is no user nobody',
    )
    const practice = [
      'keys',
      'edit',
      seeded.createdKeys.practice.key.id,
      '--owner',
      seeded.ids.otherUser,
    ]
    expect((await runJsonError(dir, practice)).message).toBe(
      '--owner: the owner needs a username, with which their keys are presented: set it first',
    )
  })

  test('keys assign and unassign connect an office to a customer key only', async () => {
    const { key } = await seeded.createKey('opendental')
    const assign = ['keys', 'assign', key.id, seeded.ids.site]
    const assigned = await runJson(dir, assign)
    expect(assigned.siteId).toBe(seeded.ids.site)
    expect(Date.parse(String(assigned.assignedAt))).toBeGreaterThanOrEqual(
      Date.parse(String(key.createdAt)),
    )
    const unassignedKey = await runJson(dir, ['keys', 'unassign', key.id])
    expect(unassignedKey).toMatchObject({ siteId: null, assignedAt: null })
    expect(await runJsonError(dir, ['keys', 'unassign', seeded.createdKeys.xdent.key.id])).toEqual({
      code: 1,
      problem: 'conflict',
      message: 'keys of this type (xdent) cannot be assigned',
    })
    const nowhere = ['keys', 'assign', key.id, 'nowhere']
    expect((await runJsonError(dir, nowhere)).message).toBe('there is no site nowhere')
  })
})

test('each party enables only a key that it has disabled', async () => {
  const { key } = await seeded.createKey('opendental')
  const disabled = await runJson(dir, ['keys', 'disable', key.id, '--by', 'customer'])
  expect(disabled).toMatchObject({ status: 'disabled', disabledBy: 'customer' })
  const message = `key ${key.publicId} was disabled by its customer: only they can enable it`
  for (const attempt of [['enable'], ['disable'], ['enable', '--by', 'developer']]) {
    const [verb = '', ...by] = attempt
    expect(await runJsonError(dir, ['keys', verb, key.id, ...by])).toEqual({
      code: 1,
      problem: 'conflict',
      message,
    })
  }
  const enabled = await runJson(dir, ['keys', 'enable', key.id, '--by', 'customer'])
  expect(enabled).toMatchObject({ status: 'enabled', disabledBy: null, disabledAt: null })
})

describe('keys delete', () => {
  test('needs a confirmation at a terminal, or --yes', async () => {
    const { key } = await seeded.createKey('practice')
    expect(await runJsonError(dir, ['keys', 'delete', key.id])).toEqual({
      code: 2,
      problem: 'usage',
      message:
        'this cannot be undone, and there is no terminal to confirm it (Delete a key): add --yes',
    })
    expect(await runJson(dir, ['keys', 'show', key.id])).toMatchObject({ status: 'enabled' })
  })

  test('removes the key from every list, and the audit keeps its name', async () => {
    const { key } = await seeded.createKey('xdent')
    expect(await runJson(dir, ['keys', 'delete', key.publicId, '--yes'])).toEqual({
      id: key.publicId,
      deleted: true,
    })
    expect((await runJsonError(dir, ['keys', 'show', key.id])).message).toBe(
      `there is no key ${key.id}`,
    )
    const [event] = await runJsonList(dir, ['audit', 'list', '--subject', key.id])
    expect(event).toMatchObject({
      action: 'key.deleted',
      facts: { keyType: 'xdent', publicId: key.publicId, name: 'xdent key' },
    })
  })

  test.each(['redox', 'xenrad', 'opendental', 'opendental-portal'] as const)(
    'rejects a key of %s',
    async (keyType) => {
      expect(
        await runJsonError(dir, ['keys', 'delete', seeded.createdKeys[keyType].key.id, '--yes']),
      ).toEqual({
        code: 1,
        problem: 'conflict',
        message: `keys of this type (${keyType}) cannot be deleted: revoke the key instead`,
      })
    },
  )
})

test('keys uses counts the uses of each day from a date, and prints them as a table', async () => {
  const { key } = await seeded.createKey('xenrad')
  const today = Math.floor(Date.now() / 86_400_000)
  const config = readConfig({ LATCHKEY_DATA: dir })
  const { storage } = await openLatchkey(config, {
    publicUrl: 'http://localhost',
    log: createTestLog(),
  })
  const uses = [
    [today - 40, 1000],
    [today - 2, 1],
    [today, 80],
  ] as const
  const lastAt = today * 86_400_000
  await storage.addKeyUses(
    uses.map(([day, count]) => ({ keyId: key.id, day, uses: count, lastAt })),
  )
  await storage.close()

  const formatDate = (day: number) => new Date(day * 86_400_000).toISOString().slice(0, 10)
  const listUses = ['keys', 'uses', key.id, '--from', formatDate(today - 29)]
  const [found, text, shown] = await Promise.all([
    runJson(dir, listUses),
    runWarmCli(listUses, { dir }),
    runJson(dir, ['keys', 'show', key.id]),
  ])
  expect(found).toEqual({
    items: [
      { day: formatDate(today - 2), uses: 1 },
      { day: formatDate(today), uses: 80 },
    ],
    next: null,
  })
  expect(text.stdout.split('\n').map((line) => line.split(/ {2,}/))).toEqual([
    ['DAY', 'USES'],
    [formatDate(today - 2), '1'],
    [formatDate(today), '80'],
    [''],
  ])
  expect(shown.lastUsedAt).toBe(new Date(lastAt).toISOString())
})

test('each command for a key reports that an unknown key is not found', async () => {
  const verbs = [
    ['show'],
    ['view-secret'],
    ['uses', '--from', '2027-01-31'],
    ['edit', '--name', 'x'],
    ['edit', '--owner', 'x'],
    ['assign', 'x'],
    ['unassign'],
    ['rotate-secret'],
    ['disable'],
    ['enable'],
    ['revoke', '--yes'],
    ['delete', '--yes'],
  ]
  const found = verbs.map(([verb = '', ...more]) =>
    runJsonError(dir, ['keys', verb, 'none', ...more]),
  )
  for (const refusal of await Promise.all(found)) {
    expect(refusal).toEqual({ code: 1, problem: 'not_found', message: 'there is no key none' })
  }
})
