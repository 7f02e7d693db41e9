import type { Access } from '../../../service/access.ts'
import type { OpenDeps } from '../open.ts'

export interface AccessScreenDeps extends OpenDeps {
  readonly access: Access
}
