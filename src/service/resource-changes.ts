import { ok } from '../domain/failure.ts'
import { type ActorDeps, createAuditEvent } from './audit/audit-event.ts'
import { parseId, parseName } from './input.ts'
import type { DeletableKind, EditStorage, RenamableKind } from './ports/accounts.ts'
import type { AuditEvent } from './ports/audit.ts'
import type { Random } from './ports/runtime.ts'
import type { ResourceStorage } from './ports/storage.ts'
import { failConflict, failNotFound, requireFound, type ServiceResult } from './service-result.ts'

/** Renames a row and returns it as it is now. */
export async function renameResource<Row>(
  deps: ActorDeps & { readonly storage: Pick<EditStorage, 'rename'> },
  kind: RenamableKind,
  id: string,
  text: string,
  find: (id: string) => Promise<ServiceResult<Row>>,
): Promise<ServiceResult<Row>> {
  const name = parseName('the name', text)
  if (!name.ok) return name
  const event = createAuditEvent(deps, `${kind}.renamed`, id, { name: name.value })
  const isRenamed = await deps.storage.rename(kind, id, name.value, event)
  return isRenamed ? find(id) : failNotFound(`there is no ${kind} ${id}`)
}

/** Deletes a row that nothing belongs to. Its events stay, and the last one keeps `facts`. */
export async function deleteResource(
  deps: ActorDeps & { readonly storage: Pick<EditStorage, 'deleteRow'> },
  kind: DeletableKind,
  id: string,
  { facts, reason }: { readonly facts: AuditEvent['facts']; readonly reason: string },
): Promise<ServiceResult<void>> {
  const event = createAuditEvent(deps, `${kind}.deleted`, id, facts)
  return (await deps.storage.deleteRow(kind, id, event)) ? ok(undefined) : failConflict(reason)
}

interface NewRowInput {
  readonly accountId: string
  readonly name: string
  readonly id?: string | undefined
}

/** The input for a new row of a resource. Without an id, it gets a new one. */
export type NewRow<Row extends NewRowInput> = Omit<Row, 'id' | 'createdAt'> &
  Pick<NewRowInput, 'id'>

/** Parses the fields that every new row of an account has. */
export async function parseNewRow(
  deps: { readonly random: Random; readonly storage: Pick<ResourceStorage, 'findAccount'> },
  input: NewRowInput,
): Promise<ServiceResult<NewRowInput & { readonly id: string }>> {
  const name = parseName('the name', input.name)
  if (!name.ok) return name
  const id = parseId(input.id, deps.random)
  if (!id.ok) return id
  const account = requireFound(
    await deps.storage.findAccount(input.accountId),
    'account',
    input.accountId,
  )
  if (!account.ok) return account
  return ok({ id: id.value, accountId: account.value.id, name: name.value })
}
