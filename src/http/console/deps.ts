import type { AccessScreenDeps } from './access/deps.ts'
import type { AreaDeps } from './area.ts'
import type { KeyScreenDeps } from './keys/deps.ts'
import type { MessageScreenDeps } from './messages/deps.ts'
import type { RouteScreenDeps } from './routes/deps.ts'

/** All that the console needs of the server. */
export type ConsoleDeps = AreaDeps &
  AccessScreenDeps &
  KeyScreenDeps &
  MessageScreenDeps &
  RouteScreenDeps
