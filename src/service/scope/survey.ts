import type { SurveyStorage } from '../ports/survey.ts'
import type { Own } from './own.ts'

/** How things are, where no other account exists. */
export function scopeSurvey(storage: SurveyStorage, own: Own): SurveyStorage {
  return {
    takeKeyCensus: (asked) => own.list(asked, storage.takeKeyCensus),
    async findNames(ids) {
      const rows = await storage.findNames(ids)
      return rows.filter(({ accountId }) => accountId === own.accountId)
    },
  }
}
