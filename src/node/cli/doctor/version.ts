import { planFrom } from '../../../storage/migrations.ts'

/** What to do about a database whose schema is not of this version. */
export function adviceFor(found: number): string {
  try {
    planFrom(found)
    return 'run `latchkey migrate`, or start the server'
  } catch {
    return 'use the Latchkey that wrote it, or a newer one'
  }
}
