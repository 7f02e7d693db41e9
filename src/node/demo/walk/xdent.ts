import type { Seeded } from '../seed.ts'
import { says, stepper, type Walk } from './step.ts'

/** A key's id and its secret in one header. */
export async function* walkXdent(url: string, { xdent }: Seeded): Walk {
  const take = stepper(url, 'XDENT-style: KeyId.Secret')
  const [keyId = ''] = xdent.apiKey.split('.')

  yield* take('Who is this key?', '/api/v1/Identity', {
    headers: { 'X-Api-Key': xdent.apiKey },
    wrong: says(200, `"KeyId":"${keyId}"`),
  })
  yield* take('The company’s data', '/api/v1/Patients', {
    headers: { 'X-Api-Key': xdent.apiKey },
    wrong: says(200, '"LastName"'),
  })
  yield* take('The id alone is not enough', '/api/v1/Identity', {
    headers: { 'X-Api-Key': keyId },
    wrong: says(401, '"Code":"SECRET_REQUIRED"'),
  })
}
