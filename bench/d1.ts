import { join } from 'node:path'
import { buildServer } from '../support/worker/bundle.ts'
import { copySeeded } from './copy.ts'
import { file, type Served, serve } from './served.ts'

/** The Worker as it is deployed, in workerd, on a D1 database of this machine. */
export async function serveD1(folder: string, seeded: string): Promise<Served> {
  const bundle = join(folder, 'bundle')
  const rows = join(folder, 'rows.sql')
  await buildServer(bundle)
  await copySeeded(seeded, { engine: 'd1-import', path: rows })
  const files = [bundle, rows, join(seeded, 'keyring.json'), join(folder, 'd1')]
  const served = await serve([file('./workerd.ts'), ...files], join(folder, 'server.log'), {
    // What it leaves where it is killed goes with the folder.
    TMPDIR: folder,
  })
  // What it holds is the memory of a runtime and a database together, and no figure of Latchkey's.
  return { ...served, memory: () => null }
}
