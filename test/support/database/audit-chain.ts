import { createAuditSigner } from '../../../src/crypto/audit-signer.ts'
import { createRandom } from '../../../src/crypto/secrets.ts'
import { createAnchorFile, getAnchorPath } from '../../../src/node/anchor-file.ts'
import { loadRing } from '../../../src/node/keyring-file.ts'
import { nodePrimitives } from '../../../src/node/primitives.ts'
import { openSqlite } from '../../../src/node/sqlite/engine.ts'
import { createAudit } from '../../../src/service/audit/audit.ts'
import { AuditChain, createAuditAnchor } from '../../../src/service/audit/chain.ts'
import { createRunExclusively } from '../../../src/service/long-work.ts'
import type { AuditEvent } from '../../../src/service/ports/audit.ts'
import { createStorage } from '../../../src/storage/storage.ts'
import { toKeyring } from '../keyring.ts'
import { createTestLog } from '../server.ts'

/** The audit of a database file, with a key ring file, as each process of a server has it. */
export async function openTestAudit(path: string, ringPath: string, clock = Date.now) {
  const storage = createStorage(openSqlite(path))
  const random = createRandom(nodePrimitives, clock)
  const auditSigner = createAuditSigner(
    nodePrimitives,
    toKeyring(await loadRing(ringPath, { canCreate: true })),
  )
  const log = createTestLog()
  const anchor = createAuditAnchor({ store: createAnchorFile(getAnchorPath(ringPath)), log })
  const deps = { storage, auditSigner, anchor, random, clock, log, actor: 'operator' }
  const chain = new AuditChain(deps)
  const newEvent = (): AuditEvent => ({
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
    auditSigner,
    anchor,
    log,
    seal: () => chain.seal(),
    purge: (before: number) => chain.purge(before),
    audit: createAudit({
      ...deps,
      events: deps.storage,
      runExclusively: createRunExclusively('later', clock),
    }),
    add: (count: number) => storage.addEvents(Array.from({ length: count }, newEvent)),
  }
}
