import type { Running } from '../../server.ts'
import type { Hospital } from '../hospital/open.ts'
import type { Seeded } from '../seed.ts'
import type { Settings } from './command.ts'
import { walkDelivery } from './delivery.ts'
import { walkOpendental } from './opendental.ts'
import { walkPractice } from './practice.ts'
import { walkRedox } from './redox.ts'
import type { Walk } from './step.ts'
import { walkXdent } from './xdent.ts'
import { walkXenrad } from './xenrad.ts'

/** What the walk goes through. */
export interface World {
  readonly server: Running
  readonly seeded: Seeded
  readonly hospital: Hospital
  readonly settings: Settings
}

/** Every dialect in turn, as its vendor's pages show it, and what becomes of a message. */
export async function* walk({ server, seeded, hospital, settings }: World): Walk {
  const { url } = server
  yield* walkRedox(url, seeded)
  yield* walkDelivery(server, seeded, hospital, settings)
  yield* walkXenrad(url, seeded)
  yield* walkOpendental(url, seeded)
  yield* walkXdent(url, seeded)
  yield* walkPractice(url, seeded)
}
