import { beforeAll, describe, expect, test } from 'vitest'
import { readConfig } from '../../../src/config.ts'
import { openLatchkey } from '../../../src/node/server.ts'
import {
  buildKeyArgs,
  type CliKeyWithSecret,
  type CliRow,
  runJson, runJsonList,
  runJsonError,
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
    'of %s is viewed again, and each view is audited',
    async (dialect) => {
      const { key, ...revealed } = seeded.createdKeys[dialect]
      const { stdout, stderr } = await runWarmCli(['keys', 'view-secret', key.id, '--json'], {
        dir,
      })
      expect(JSON.parse(stdout)).toMatchObject({ key: { id: key.id }, ...revealed })
      expect(stderr).toBe('That you have viewed it is recorded in the audit.\n')
      const [event] = await runJsonList(dir, ['audit', 'list', '--subject', key.id])
      expect(event).toMatchObject({ actor: 'operator', action: 'key.viewed' })
    },
  )

  test.each(['redox', 'xenrad', 'opendental-portal', 'xdent'] as const)(
    'of %s is not',
    async (dialect) => {
      expect(
        await runJsonError(dir, ['keys', 'view-secret', seeded.createdKeys[dialect].key.id]),
      ).toEqual({
        code: 1,
        problem: 'conflict',
        message: `a secret of this dialect (${dialect}) is shown once: rotate it`,
      })
    },
  )

  test('is replaced, with an overlap too, and is shown as it is presented', async () => {
    const { key } = await seeded.createKey('opendental')
    const args = ['keys', 'rotate-secret', key.id, '--overlap', '24h']
    const rotated = await runJson<CliKeyWithSecret>(dir, args)
    expect(rotated.presented.value).toBe(`ODFHIR ${seeded.developerKey}/${rotated.secret}`)
    expect(rotated.key.previousSecretEndsAt).toBeGreaterThan(Date.now() + 86_000_000)
    const viewed = await runJson<CliKeyWithSecret>(dir, ['keys', 'view-secret', key.id])
    expect(viewed.secret).toBe(rotated.secret)
  })

  test('that no header could carry is not taken', async () => {
    const args = [...buildKeyArgs('xdent', seeded.ids.owner), '--secret-stdin']
    expect(await runJsonError(dir, args, 'sixteen letters and blanks')).toEqual({
      code: 1,
      problem: 'invalid',
      message: 'a secret that is sent in a header must be printable ASCII without blanks',
    })
  })
})

describe('a change', () => {
  test('edits what is named, and leaves the rest', async () => {
    const { key } = await seeded.createKey('xdent', [
      '--description',
      'old',
      '--expires-at',
      '2099-01-31',
    ])
    const edit = ['keys', 'edit', key.id]
    const edited = await runJson(dir, [...edit, '--name', 'new name', '--access', 'read'])
    expect(edited).toMatchObject({ name: 'new name', access: 'read', description: 'old' })
    expect(edited.expiresAt).toBe(Date.UTC(2099, 0, 31))
    const cleared = await runJson(dir, [...edit, '--description', '', '--expires-at', 'never'])
    expect(cleared).toMatchObject({ name: 'new name', description: '', expiresAt: null })
  })

  test.each([
    [[], 2, 'say what to change: --name, --description, --reference, --access or --expires'],
    [['--name', ' '], 1, 'the name must not be blank'],
    [
      ['--expires-at', '2020-01-31'],
      1,
      'the expiry must be in the future: to end a key now, revoke it',
    ],
    [['--access', 'read'], 1, 'keys of this dialect (redox) cannot have the access read: standard'],
  ] as const)('by edit with %j is refused', async (more, code, message) => {
    const found = await runJsonError(dir, [
      'keys',
      'edit',
      seeded.createdKeys.redox.key.id,
      ...more,
    ])
    expect({ code: found.code, message: found.message }).toEqual({ code, message })
  })

  test('transfers a key to whom may hold it, and to nobody else', async () => {
    const { key } = await seeded.createKey('xdent')
    const transferArgs = (to: string) => ['keys', 'edit', key.id, '--to', to]
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
      code: 1,
      problem: 'invalid',
      message: `user ${stranger.id} is of another account`,
    })
    expect((await runJsonError(dir, transferArgs('nobody'))).message).toBe(
      'there is no user nobody',
    )
    const practice = [
      'keys',
      'edit',
      seeded.createdKeys.practice.key.id,
      '--to',
      seeded.ids.otherUser,
    ]
    expect((await runJsonError(dir, practice)).message).toBe(
      'the owner needs a username: their keys are presented with it',
    )
  })

  test('assigns an office to a customer key and takes it back, and to no other', async () => {
    const { key } = await seeded.createKey('opendental')
    const assign = ['keys', 'assign', key.id, '--site', seeded.ids.site]
    const assigned = await runJson(dir, assign)
    expect(assigned.siteId).toBe(seeded.ids.site)
    expect(Number(assigned.assignedAt)).toBeGreaterThanOrEqual(Number(key.createdAt))
    const unassignedKey = await runJson(dir, ['keys', 'unassign', key.id])
    expect(unassignedKey).toMatchObject({ siteId: null, assignedAt: null })
    expect(await runJsonError(dir, ['keys', 'unassign', seeded.createdKeys.xdent.key.id])).toEqual({
      code: 1,
      problem: 'conflict',
      message: 'keys of this dialect (xdent) are not assigned',
    })
    const nowhere = ['keys', 'assign', key.id, '--site', 'nowhere']
    expect((await runJsonError(dir, nowhere)).message).toBe('there is no site nowhere')
  })
})

test('each party undoes only its own disable', async () => {
  const { key } = await seeded.createKey('opendental')
  const disabled = await runJson(dir, ['keys', 'disable', key.id, '--by', 'customer'])
  expect(disabled).toMatchObject({ status: 'disabled', disabledBy: 'customer' })
  const message = `key ${key.publicId} was disabled by its customer, who alone can enable it`
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

describe('deleting', () => {
  test('needs a person at a terminal, or --yes', async () => {
    const { key } = await seeded.createKey('practice')
    expect(await runJsonError(dir, ['keys', 'delete', key.id])).toEqual({
      code: 2,
      problem: 'usage',
      message: 'deleting is final and nobody is at a terminal to confirm it: add --yes',
    })
    expect(await runJson(dir, ['keys', 'show', key.id])).toMatchObject({ status: 'enabled' })
  })

  test('removes the key from every list, and the audit keeps its name', async () => {
    const { key } = await seeded.createKey('xdent')
    expect(await runJson(dir, ['keys', 'delete', key.publicId, '--yes'])).toEqual({
      id: key.id,
      publicId: key.publicId,
      deleted: true,
    })
    expect((await runJsonError(dir, ['keys', 'show', key.id])).message).toBe(
      `there is no key ${key.id}`,
    )
    const [event] = await runJsonList(dir, ['audit', 'list', '--subject', key.id])
    expect(event).toMatchObject({
      action: 'key.deleted',
      facts: { dialect: 'xdent', publicId: key.publicId, name: 'xdent key' },
    })
  })

  test.each(['redox', 'xenrad', 'opendental', 'opendental-portal'] as const)(
    'is not for %s',
    async (dialect) => {
      expect(
        await runJsonError(dir, ['keys', 'delete', seeded.createdKeys[dialect].key.id, '--yes']),
      ).toEqual({
        code: 1,
        problem: 'conflict',
        message: `keys of this dialect (${dialect}) stay listed: revoke it`,
      })
    },
  )
})

test('show counts the uses of 30 days, and draws them for people', async () => {
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

  const [json, text] = await Promise.all([
    runJson(dir, ['keys', 'show', key.id]),
    runWarmCli(['keys', 'show', key.id], { dir }),
  ])
  const formatDate = (day: number) => new Date(day * 86_400_000).toISOString().slice(0, 10)
  expect(json).toMatchObject({
    lastUsedAt: lastAt,
    uses: [
      { day: formatDate(today - 2), uses: 1 },
      { day: formatDate(today), uses: 80 },
    ],
  })
  expect(text.stdout).toMatch(/^uses +·{27}▁·█ 81 in 30 days$/m)
})

test('a key that does not exist is not found, whatever is to be done with it', async () => {
  const verbs = [
    ['show'],
    ['view'],
    ['edit', '--name', 'x'],
    ['transfer', '--to', 'x'],
    ['assign', '--site', 'x'],
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
