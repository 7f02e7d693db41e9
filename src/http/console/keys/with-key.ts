import type { ContentfulStatusCode } from 'hono/utils/http-status'
import type { Refusal } from '../../../service/operator.ts'
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

/** Of the page that a form comes back to. */
export const statusOf = (refusal: Refusal | null): ContentfulStatusCode =>
  refusal === null ? 200 : refusal.problem === 'conflict' ? 409 : 422
