import { join } from 'node:path'
import { EXAMPLE } from '../../../src/http/admin/ids.ts'
import { seedTenant } from '../desk/tenant.ts'
import { change } from '../moving.ts'
import { seedPerson, seen, setUpApp, signIn } from '../people.ts'
import { done, type TestServer } from '../server.ts'
import { type seedAsker, tokenOf } from './asker.ts'

type Ids = { -readonly [Name in keyof typeof EXAMPLE]: string }

/** A new account in which each thing is there that the examples name. */
export async function seedStandIns(server: TestServer): Promise<Ids> {
  const tenant = await seedTenant(server)
  return {
    account: tenant.accountId,
    user: tenant.engineerId,
    site: tenant.siteId,
    developer: tenant.developerId,
    address: tenant.ruleId,
    source: tenant.sourceId,
    destination: tenant.destinationId,
    subscription: tenant.subscriptionId,
    key: tenant.keyId,
    keyEvent: tenant.keyEventId,
    message: tenant.messageId,
    request: tenant.requestId,
    token: crypto.randomUUID(),
    fresh: crypto.randomUUID(),
  }
}

type Operator = Awaited<ReturnType<typeof seedAsker>>
type Prepare = (server: TestServer, ids: Ids, asker: Operator) => Promise<Partial<Ids>>

/** What some operations need to be so before. */
export const PREPARE: Readonly<Record<string, Prepare>> = {
  // A site or developer that a key belongs to stays.
  deleteSitesById: async ({ places }, { account: accountId }) => ({
    site: done(await places.addSite({ accountId, name: 'Empty' })).id,
  }),
  deleteDevelopersById: async ({ places }, { account: accountId }) => ({
    developer: done(await places.addDeveloper({ accountId, name: 'Empty' })).id,
  }),
  // Keys of two dialects alone can be deleted.
  deleteKeysById: async ({ keys }, { account: accountId }) => {
    const [key] = await keys.list({ accountId, dialect: 'practice', limit: 1 })
    return key === undefined ? {} : { key: key.id }
  },
  // What has something queued stays.
  deleteSubscriptionsById: async ({ routes }, { subscription }) => {
    done(await routes.purge(subscription))
    return {}
  },
  // What is queued is not replayed.
  postMessagesByIdReplay: async ({ messages }, { message }) => {
    done(await messages.skip(message))
    return {}
  },
  postUsersByIdResetSecondFactor: async (server) => {
    const person = await seedPerson(server)
    const { secret } = await signIn(server, person)
    await setUpApp(server, await seen(server, secret))
    return { user: person.user.id }
  },
  // There is something to accept only where the chain ends before what was signed.
  postAuditAcceptRestore: async (server) => {
    await server.seal()
    change(
      join(server.dir, 'latchkey.db'),
      `DELETE FROM audit_checkpoints;
       UPDATE audit_events SET sequence = NULL, seal = NULL;
       UPDATE audit_chain SET sequence = 0, seal = ''`,
    )
    return {}
  },
  deleteMeTokensById: async (server, _, asker) => ({
    token: (await tokenOf(server, asker)).token.id,
  }),
}

/** The same, with other ids where the examples have theirs. */
export const withStandIns = (text: string, ids: Ids): string =>
  Object.entries(EXAMPLE).reduce(
    (filled, [name, example]) => filled.replaceAll(example, ids[name as keyof Ids]),
    text,
  )
