import type { AccessScreenDeps } from './access/deps.ts'
import type { AreaDeps } from './area.ts'
import type { ExplainScreenDeps } from './explain/deps.ts'
import type { KeyScreenDeps } from './keys/deps.ts'
import type { MessageScreenDeps } from './messages/deps.ts'
import type { PortalKeyDeps } from './places/portal-key.ts'
import type { RouteScreenDeps } from './routes/deps.ts'

/** All that the console needs of the server. */
export type ConsoleDeps = AreaDeps &
  AccessScreenDeps &
  ExplainScreenDeps &
  KeyScreenDeps &
  MessageScreenDeps &
  PortalKeyDeps &
  RouteScreenDeps
