import { compose } from '../../../src/compose.ts'
import { readConfig } from '../../../src/config.ts'
import type { Ring } from '../../../src/crypto/ring.ts'
import { createLazySecretChecks } from '../../../src/node/open-latchkey.ts'
import { createSendHttp } from '../../../src/node/outbound-http.ts'
import { nodeArgon2, nodePrimitives } from '../../../src/node/primitives.ts'
import type { KeepAlive } from '../../../src/service/ports/runtime.ts'
import type { Engine } from '../../../src/storage/engine.ts'
import { toKeyring } from '../keyring.ts'
import { createTestLog } from '../server.ts'

/** Composes a Node server on the D1 database of a Worker, with the Worker's key ring. */
export const composeBesideWorker = ({
  publicUrl,
  engine,
  ring,
  keepAlive,
}: {
  readonly publicUrl: string
  readonly engine: Engine
  readonly ring: Ring
  readonly keepAlive?: KeepAlive
}) => {
  const log = createTestLog()
  return compose({
    config: readConfig({}),
    publicUrl,
    consoleUrl: publicUrl,
    engine,
    primitives: nodePrimitives,
    argon2: nodeArgon2,
    secretChecks: createLazySecretChecks(log),
    keyring: toKeyring(ring),
    clock: Date.now,
    log,
    sendHttp: createSendHttp({ allowed: [] }),
    leaseMs: 90_000,
    cores: 2,
    longMessageBytes: 512 * 1024 * 1024,
    ...(keepAlive && { keepAlive }),
  })
}
