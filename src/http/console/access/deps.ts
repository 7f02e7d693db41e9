import type { Access } from '../../../service/people/access.ts'
import type { OpenDeps } from '../open.ts'

export interface AccessScreenDeps extends OpenDeps {
  readonly access: Access
}
