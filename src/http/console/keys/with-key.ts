import type { KeySummary } from '../../../service/ports.ts'
import type { Screen } from '../area.ts'
import { problem } from '../problem.ts'
import { part, type Visit } from '../visit.ts'

/** A screen about the key that the path names. One that is out of sight is not there. */
export const withKey =
  (screen: (visit: Visit, key: KeySummary) => Promise<Response> | Response): Screen =>
  async (visit) => {
    const found = await visit.desk.keys.find(part(visit, 'id'))
    return found.ok ? screen(visit, found.value) : problem(visit.c, visit.caller, 'not_found')
  }
