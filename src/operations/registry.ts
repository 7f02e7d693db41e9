import { accountOperations } from './accounts.ts'
import { auditOperations } from './audit.ts'
import { dashboardOperations } from './dashboard.ts'
import type { Operation } from './define.ts'
import { destinationOperations } from './destinations.ts'
import { developerOperations } from './developers.ts'
import { importOperations } from './imports.ts'
import { ipAllowlistOperations } from './ip-allowlist.ts'
import { keyOperations } from './keys.ts'
import { meOperations } from './me.ts'
import { messageOperations } from './messages.ts'
import { siteOperations } from './sites.ts'
import { sourceOperations } from './sources.ts'
import { subscriptionOperations } from './subscriptions.ts'
import { sunsetOperations } from './sunset.ts'
import { userOperations } from './users.ts'

/** Every management operation: the API is made of all of them. */
export const OPERATIONS: readonly Operation[] = [
  ...keyOperations,
  ...sunsetOperations,
  ...importOperations,
  ...sourceOperations,
  ...destinationOperations,
  ...subscriptionOperations,
  ...messageOperations,
  ...siteOperations,
  ...developerOperations,
  ...userOperations,
  ...accountOperations,
  ...ipAllowlistOperations,
  ...auditOperations,
  ...dashboardOperations,
  ...meOperations,
]

const OPERATIONS_BY_ID = new Map(OPERATIONS.map((operation) => [operation.id, operation]))

export function getOperation(id: Operation['id']): Operation {
  const operation = OPERATIONS_BY_ID.get(id)
  if (operation === undefined) throw new Error(`there is no operation ${id}`)
  return operation
}
