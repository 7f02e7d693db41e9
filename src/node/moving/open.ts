import type { Engine } from '../../storage/engine.ts'
import { type Place, requireCurrent } from './place.ts'

/** Opens a database to be copied, or to be copied into: that one is made where it is not there. */
export async function openPlace(place: Place, { mayMake }: { mayMake: boolean }): Promise<Engine> {
  if (place.kind === 'sqlite') {
    await requireCurrent(place.path, { mayMake })
    const { openSqlite } = await import('../sqlite.ts')
    return openSqlite(place.path)
  }
  throw new Error(`${place.kind} cannot be opened`)
}
