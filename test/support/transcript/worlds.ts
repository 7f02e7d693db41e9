import { readdirSync, readFileSync } from 'node:fs'
import type { Latchkey } from '../../../src/compose.ts'
import { SURFACES, upstreamSetting } from '../../../src/domain/surface.ts'
import { openUpstreams } from '../../../src/node/demo/upstreams/open.ts'
import { seedPracticeWorld, seedXdentWorld } from '../holder-worlds.ts'
import { seedOpendentalWorld } from '../opendental-world.ts'
import { seedWorld } from '../world.ts'
import { seedXenradWorld } from '../xenrad-world.ts'
import { parseTranscript } from './parse.ts'
import type { Variables } from './template.ts'

const FOLDER = new URL('../../transcripts/', import.meta.url)

/** What the transcripts of a dialect call by name: one for each folder of them. */
const WORLDS: Readonly<Record<string, (latchkey: Latchkey) => Promise<Variables>>> = {
  redox: seedWorld,
  xenrad: seedXenradWorld,
  opendental: seedOpendentalWorld,
  xdent: seedXdentWorld,
  practice: seedPracticeWorld,
}

/** Every transcript of every dialect, with a world of its own. */
export const TRANSCRIPTS = readdirSync(FOLDER).flatMap((dialect) => {
  const seed = WORLDS[dialect]
  if (seed === undefined) throw new Error(`nothing is known of the transcripts in ${dialect}`)
  return readdirSync(new URL(`${dialect}/`, FOLDER)).map((file) => ({
    name: `${dialect}/${file}`,
    exchanges: parseTranscript(readFileSync(new URL(`${dialect}/${file}`, FOLDER), 'utf8')),
    seed,
  }))
})

/** What stands behind the surfaces in every transcript, and the settings that name it. */
export async function openTranscriptUpstreams() {
  const { urls, close } = await openUpstreams()
  const settings = SURFACES.map((surface) => [upstreamSetting(surface), urls[surface]] as const)
  return { settings: Object.fromEntries(settings), close }
}
