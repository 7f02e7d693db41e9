import { readConfig } from '../src/config.ts'
import { databasePath } from '../src/node/engine.ts'
import { writeImport } from '../src/node/moving/d1-import.ts'
import { newHash } from '../src/node/moving/hash.ts'
import { openPlace } from '../src/node/moving/open.ts'
import type { ImportFile, Place } from '../src/node/moving/place.ts'
import type { Engine } from '../src/storage/engine.ts'
import { type Copied, copyRows, isEqual } from '../src/storage/moving/copy.ts'

const watch = { newHash, progress: () => {} }

/** What `latchkey copy` does: the rows of a data folder, in another place too. */
export async function copySeeded(dataDir: string, to: Place | ImportFile): Promise<void> {
  const path = databasePath(readConfig({ LATCHKEY_DATA: dataDir }))
  const source = await openPlace({ engine: 'sqlite', path }, { mayMake: false })
  try {
    const copied =
      to.engine === 'd1-import'
        ? await writeImport(source, to.path, watch)
        : await copyInto(source, to)
    if (!copied.every(isEqual)) throw new Error(`the copy for ${to.engine} differs from its source`)
  } finally {
    await source.close()
  }
}

async function copyInto(source: Engine, to: Place): Promise<Copied[]> {
  const target = await openPlace(to, { mayMake: true })
  try {
    return await copyRows(source, target, watch)
  } finally {
    await target.close()
  }
}
