import type { Area } from '../area.ts'
import { mountAssign } from './assign.ts'
import { mountCreate } from './create.ts'
import type { KeyScreenDeps } from './deps.ts'
import { mountEdit } from './edit.ts'
import { mountEnd } from './end.ts'
import { mountLife } from './life.ts'
import { mountKeyList } from './list.ts'
import { mountOwners } from './owners.ts'
import { mountRotate } from './rotate.ts'
import { mountShow } from './show.ts'
import { mountView } from './view.ts'

/** Keys of every dialect. Those whose path says more come before the one that is any key's. */
export function mountKeys(area: Area, deps: KeyScreenDeps): void {
  mountKeyList(area)
  mountCreate(area, deps)
  mountOwners(area)
  mountShow(area, deps)
  mountView(area, deps)
  mountEdit(area)
  mountRotate(area)
  mountLife(area, deps)
  mountAssign(area, deps)
  mountEnd(area)
}
