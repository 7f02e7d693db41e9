import type { Seeded } from '../seed.ts'
import { walkOpendental } from './opendental.ts'
import { walkPractice } from './practice.ts'
import { walkRedox } from './redox.ts'
import type { Walk } from './step.ts'
import { walkXdent } from './xdent.ts'
import { walkXenrad } from './xenrad.ts'

/** Every dialect in turn, as its vendor's pages show it, against a running server. */
export async function* walk(url: string, seeded: Seeded): Walk {
  yield* walkRedox(url, seeded)
  yield* walkXenrad(url, seeded)
  yield* walkOpendental(url, seeded)
  yield* walkXdent(url, seeded)
  yield* walkPractice(url, seeded)
}
