import type { Seeded } from '../seed.ts'
import { says, stepper, type Walk } from './step.ts'

/** A person's username, and a key in place of a password. */
export async function* walkPractice(url: string, { practice }: Seeded): Walk {
  const { username, apiKey } = practice
  const take = stepper(url, 'Practice-style: username and key')
  const as = (key: string) => ({
    Authorization: `Basic ${Buffer.from(`${username}:${key}`).toString('base64')}`,
  })

  yield* take('Test the connection', '/practice/v1/me', {
    headers: as(apiKey),
    wrong: says(200, `"${username}"`),
  })
  yield* take('The practice’s data', '/practice/v1/patients', {
    headers: as(apiKey),
    wrong: says(200, '"last_name"'),
  })
  yield* take('A wrong key is refused', '/practice/v1/me', {
    headers: as('not-the-key'),
    wrong: says(401, '"error"'),
  })
}
