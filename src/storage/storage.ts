import type { Storage } from '../service/ports.ts'
import { createAccounts } from './accounts.ts'
import { createAudit } from './audit.ts'
import { createAuthority } from './authority.ts'
import { createChain } from './chain.ts'
import { createEdits } from './edits.ts'
import { Compiler, type Engine } from './engine.ts'
import { createEvents } from './events.ts'
import { createFeedChanges } from './feed-changes.ts'
import { createFeeds } from './feeds.ts'
import { createGrants } from './grants.ts'
import { createKeyLife } from './key-life.ts'
import { createKeyMaking } from './key-making.ts'
import { createKeys } from './keys.ts'
import { createKeyCounts } from './lists/counts.ts'
import { createFeedLists } from './lists/feeds.ts'
import { createKeyLists } from './lists/keys.ts'
import { createSignInLists } from './lists/sign-ins.ts'
import { createUserLists } from './lists/users.ts'
import { createMessageIds } from './message-ids.ts'
import { createMessages } from './messages.ts'
import { createPeople } from './people.ts'
import { createPlaces } from './places.ts'
import { createProbe } from './probe.ts'
import { createProofs } from './proofs.ts'
import { createRoutes } from './routes.ts'
import { createRows } from './rows.ts'
import { createSurvey } from './survey.ts'
import { createTraffic } from './traffic.ts'
import { createUses } from './uses.ts'

/** Everything that is kept, on one engine. The SQL is written once, by subject, and compiled here. */
export function createStorage(unwatched: Engine): Storage {
  const compiler = new Compiler(unwatched.sql)
  const { engine, probe } = createProbe(unwatched, compiler)
  const audit = createAudit(engine, compiler)
  const rows = createRows(engine, compiler)
  return {
    ...createAuthority(engine, compiler),
    ...createGrants(engine, compiler, audit),
    ...createProofs(engine, compiler),
    ...createMessages(engine, compiler, rows),
    ...createMessageIds(engine, compiler),
    ...createFeeds(engine, compiler),
    ...createFeedChanges(engine, compiler, audit),
    ...createAccounts(compiler, rows, audit),
    ...createPlaces(engine, compiler, rows, audit),
    ...createRoutes(engine, compiler, rows, audit),
    ...createKeyMaking(compiler, audit),
    ...createKeyLife(compiler, audit),
    ...createKeys(engine, compiler, rows),
    ...createEvents(engine, compiler),
    ...createChain(engine, compiler),
    ...createUses(engine, compiler),
    ...createPeople(engine, compiler, audit),
    ...createTraffic(engine, compiler),
    ...createKeyLists(engine, compiler),
    ...createKeyCounts(engine, compiler),
    ...createSignInLists(engine, compiler),
    ...createUserLists(engine, compiler),
    ...createFeedLists(engine, compiler),
    ...createEdits(compiler, audit),
    ...createSurvey(engine, compiler),
    addEvent: audit.addEvent,

    probe,
    close: () => engine.close(),
  }
}
