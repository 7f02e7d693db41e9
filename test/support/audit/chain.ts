import { createNotary } from '../../../src/crypto/notary.ts'
import { createRandom } from '../../../src/crypto/random.ts'
import { anchorPath, createAnchorFile } from '../../../src/node/anchor-file.ts'
import { loadRing } from '../../../src/node/keyring-file.ts'
import { nodePrimitives } from '../../../src/node/primitives.ts'
import { openSqlite } from '../../../src/node/sqlite.ts'
import { createAudit } from '../../../src/service/audit.ts'
import { createAuditAnchor } from '../../../src/service/audit-anchor.ts'
import { createChain } from '../../../src/service/chain.ts'
import { createOneAtATime } from '../../../src/service/one-at-a-time.ts'
import type { AuditEvent } from '../../../src/service/ports.ts'
import { createStorage } from '../../../src/storage/storage.ts'
import { keyringOf } from '../ring.ts'
import { testLog } from '../server.ts'

/** The audit of a database file, with a key ring file, as each process of a server has it. */
export async function openAudit(path: string, ringPath: string, clock = Date.now) {
  const storage = createStorage(openSqlite(path))
  const random = createRandom(nodePrimitives, clock)
  const notary = createNotary(
    nodePrimitives,
    keyringOf(await loadRing(ringPath, { mayMake: true })),
  )
  const log = testLog()
  const anchor = createAuditAnchor({ store: createAnchorFile(anchorPath(ringPath)), log })
  const deps = { storage, notary, anchor, random, clock, log, actor: 'operator' }
  const event = (): AuditEvent => ({
    id: random.uuid(),
    at: clock(),
    actor: 'operator',
    action: 'test.done',
    subject: 'subject',
    facts: {},
    requestId: null,
  })
  return {
    storage,
    notary,
    anchor,
    log,
    ...createChain(deps),
    audit: createAudit({ ...deps, events: deps.storage, alone: createOneAtATime('later', clock) }),
    add: (count: number) => storage.addEvents(Array.from({ length: count }, event)),
  }
}
