import type { Done, Refusal } from '../../service/operator.ts'

export type Problem = Refusal['problem'] | 'failed' | 'usage' | 'configuration'

/** Why a command ends without having done what it was asked. The message is one sentence for people. */
export class CommandFailure extends Error {
  override name = 'CommandFailure'
  readonly problem: Problem

  constructor(problem: Problem, message: string, options?: ErrorOptions) {
    super(message, options)
    this.problem = problem
  }

  /** 1: refused or failed. 2: the command line or the configuration must be changed. */
  get exitCode(): 1 | 2 {
    return this.problem === 'usage' || this.problem === 'configuration' ? 2 : 1
  }
}

/** What a service did, or the failure that says why it did not. */
export function granted<T>(done: Done<T>): T {
  if (done.ok) return done.value
  throw new CommandFailure(done.failure.problem, done.failure.message)
}
