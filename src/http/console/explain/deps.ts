import type { Answered } from '../../answered.ts'

export interface ExplainScreenDeps {
  readonly answered: Answered
}
