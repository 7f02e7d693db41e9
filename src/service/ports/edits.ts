import type { Role } from '../../domain/key.ts'
import type { AuditEvent } from '../ports.ts'

/** What has a name that people may change. */
export type Named = 'account' | 'site' | 'source' | 'destination' | 'developer'

/** Edits of small things. Each change and its event are one atomic list; false: its guard did not hold. */
export interface EditStorage {
  rename(what: Named, id: string, name: string, event: AuditEvent): Promise<boolean>
  /** Guard: nobody else of the account has it; the user has `role` still. */
  setUserEmail(id: string, email: string, event: AuditEvent, role?: Role): Promise<boolean>
  /** Its row is gone; the event stays. Guard: no key is assigned to it. */
  removeSite(id: string, event: AuditEvent): Promise<boolean>
  /** Its row is gone; the event stays. Guard: no key is of it, be it revoked. */
  removeDeveloper(id: string, event: AuditEvent): Promise<boolean>
  /** Its row is gone; the event stays. Guard: nothing is queued in it. */
  removeSubscription(id: string, event: AuditEvent): Promise<boolean>
}
