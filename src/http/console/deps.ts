import type { AccessScreenDeps } from './access/deps.ts'
import type { AreaDeps } from './area.ts'
import type { ExplainScreenDeps } from './explain/deps.ts'

/** All that the console needs of the server. */
export type ConsoleDeps = AreaDeps & AccessScreenDeps & ExplainScreenDeps
