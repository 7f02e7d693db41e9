import { expect, test } from 'vitest'
import { SECRET_FORMS } from '../../src/domain/imported-secret.ts'
import { IMPORT_COLUMNS } from '../../src/service/imports/import-row.ts'
import { createClient } from '../client/client-fixture.ts'
import { createImportInput } from '../support/imports.ts'
import { createDeviceNewMessage, createTestServer, unwrap } from '../support/server.ts'
import { DAY_MS, HOUR_MS } from '../support/time.ts'
import { findDocument } from './documents.ts'

/* The whole move of docs/migrate.md, from the vendor's old table to the end of its old key. */

const { prose, samples } = findDocument('docs/migrate.md')
const FILE = samples.find(({ language }) => language === 'csv')?.text ?? ''
const API_KEY = 'b1f7c1de-3c11-4a3c-9f56-9a1c1b1d9f01'
const SECRET = 'correct horse battery staple 42'

test('docs/migrate.md has each column and each form', () => {
  for (const [name, content] of Object.entries(IMPORT_COLUMNS)) {
    expect(prose).toContain(`| \`${name}\` | ${content} |`)
  }
  for (const [name, { usedBy }] of Object.entries(SECRET_FORMS)) {
    const row = prose.split('\n').find((line) => line.startsWith(`| \`${name}\` |`))
    expect(row, name).toContain(usedBy.replaceAll('|', '\\|'))
  }
})

test('a vendor moves from a table of hashes to OAuth without a failed request', async () => {
  const server = await createTestServer()
  const { id: accountId } = unwrap(await server.accounts.create({ name: 'Acme Health' }))
  const owner = unwrap(
    await server.users.add({ accountId, email: 'owner@acme.example', role: 'engineer' }),
  )
  const source = unwrap(await server.sources.add({ accountId, name: 'Second' }))
  const destination = unwrap(
    await server.destinations.add({ accountId, name: 'EMR', url: 'https://emr.example/' }),
  )
  unwrap(await server.destinations.setVerified(destination.id, true))
  unwrap(await server.subscriptions.create({ sourceId: source.id, destinationId: destination.id }))

  // The dry run proves the form; the import makes both keys.
  const importFile = async (isDryRun: boolean) =>
    unwrap(
      await server.imports.create(createImportInput(FILE, { accountId, format: 'csv', isDryRun })),
    )
  expect(await importFile(true)).toMatchObject({ imported: 2, invalid: 0, proven: 1 })
  expect(await importFile(false)).toMatchObject({ imported: 2, invalid: 0 })
  const listUnseen = () => server.imports.listUnseen({ accountId, limit: 10 })
  expect(await listUnseen()).toHaveLength(2)

  // The vendor's program goes on with its old key and secret.
  const send = async (token: string) => {
    const message = createDeviceNewMessage(destination.id, { Source: { ID: source.id } })
    return (await server.endpoint(token, message)).status
  }
  const legacy = createClient(server, { apiKey: API_KEY, secret: SECRET })
  expect(await send(await legacy.manager.token())).toBe(200)
  await server.flushCounters()
  expect(await listUnseen()).toMatchObject([{ publicId: 'recall-reminders' }])

  // OAuth beside it: the migrated program changes its credentials.
  const created = unwrap(
    await server.keys.create({
      keyType: 'oauth',
      ownerId: owner.id,
      name: 'Nightly job by OAuth',
      oauthClient: {
        authenticationMethod: 'client_secret_basic',
        scopes: ['fhir:production'],
        sourceIds: [source.id],
      },
    }),
  )
  const migrated = createClient(server, {
    clientId: created.key.publicId,
    clientSecret: created.secret ?? '',
  })
  const answers: number[] = []
  const sendMigrated = async () => answers.push(await send(await migrated.manager.token()))
  await sendMigrated()
  await server.flushCounters()
  const findRadarKey = async () => {
    const found = await server.sunsets.listKeys({ accountId, keyType: 'redox', limit: 10 })
    return found.find(({ publicId }) => publicId === API_KEY)
  }
  expect(await findRadarKey()).toMatchObject({ ready: true })

  // A brownout interrupts the old key only.
  const startsAt = server.clock() + DAY_MS
  unwrap(
    await server.sunsets.set({
      accountId,
      keyType: 'redox',
      sunsetAt: startsAt + DAY_MS,
      documentationUrl: 'https://clinic.example/move-to-oauth',
      brownouts: [{ startsAt, endsAt: startsAt + HOUR_MS }],
    }),
  )
  const announced = await server.authenticate(API_KEY, SECRET)
  expect([announced.status, announced.headers.has('sunset')]).toEqual([200, true])
  server.clock.set(startsAt)
  const interrupted = await server.authenticate(API_KEY, SECRET)
  expect([interrupted.status, interrupted.headers.get('retry-after')]).toEqual([503, '3600'])
  await sendMigrated()
  server.clock.set(startsAt + HOUR_MS)
  expect((await server.authenticate(API_KEY, SECRET)).status).toBe(200)

  // After the date, the old key is refused.
  server.clock.set(startsAt + DAY_MS)
  expect((await server.authenticate(API_KEY, SECRET)).status).toBe(401)
  await sendMigrated()
  expect(answers).toEqual([200, 200, 200])
  await server.close()
})
