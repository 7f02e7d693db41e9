import type { Log } from '../../../service/ports.ts'

export interface AuditScreenDeps {
  readonly log: Log
}
