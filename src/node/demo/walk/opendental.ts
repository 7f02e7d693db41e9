import type { Seeded } from '../seed.ts'
import { type Answer, notStatus, says, stepper, type Walk } from './step.ts'

/** A developer and the keys of his customers. */
export async function* walkOpendental(url: string, { opendental }: Seeded): Walk {
  const { developerKey, portalKey, customerKey, unassignedKey } = opendental
  const take = stepper(url, 'Open Dental-style: a developer’s customer keys')
  const as = (key: string) => ({ Authorization: `ODFHIR ${developerKey}/${key}` })

  yield* take('List the customer keys: they can be read again', '/apikeys', {
    headers: as(portalKey),
    wrong: (answer) => notStatus(200, answer) ?? notListed(answer, customerKey),
  })
  yield* take('An office’s data, with the key that it has taken into use', '/api/v1/patients', {
    headers: as(customerKey),
    wrong: says(200, '"PatNum"'),
  })
  yield* take('A key that no office has taken into use opens nothing', '/api/v1/patients', {
    headers: as(unassignedKey),
    wrong: says(400, '"API key has not been assigned."'),
  })
}

function notListed({ body }: Answer, customerKey: string): string | null {
  const records = JSON.parse(body) as Record<string, unknown>[]
  const record = records.find(({ CustomerKey }) => CustomerKey === customerKey)
  const names = 'CustomerKey,KeyStatus,DateCreated,DateDisabled,DateTimeAssigned,DevRefId'.split(
    ',',
  )
  if (record === undefined) return 'the key is not in it'
  return names.every((name) => typeof record[name] === 'string') ? null : 'a field is missing'
}
