import { setTimeout } from 'node:timers/promises'
import type { Running } from '../../server.ts'
import type { Hospital } from '../hospital/open.ts'
import type { Seeded } from '../seed.ts'
import { done } from '../seed-account.ts'
import { commander, prints, type Settings } from './command.ts'
import { deviceNew } from './redox.ts'
import { type Answer, notStatus, says, stepper, type Walk } from './step.ts'

const PART = 'Delivery: a destination is verified, receives, fails and recovers'

/** What the sender of a message reads: `Meta`. */
interface Receipt {
  readonly Source: object
  readonly Destinations: readonly object[]
  readonly Logs: readonly object[]
  readonly Message: { readonly ID: number }
}

/** What is accepted arrives, though its destination fails meanwhile. */
export async function* walkDelivery(
  server: Running,
  { redox }: Seeded,
  hospital: Hospital,
  settings: Settings,
): Walk {
  const { destinationId } = redox
  const ask = stepper(server.url, PART)
  const atHospital = stepper(hospital.url, PART, hospital.url)
  const command = commander(settings, PART)
  const token = await tokenFor(server.url, redox)
  const feedId = await feedOf()
  await until(async () => done(await server.routes.findFeed(feedId)).queued === 0)

  yield* command(
    'Ask the hospital to repeat a challenge: that verifies it',
    ['destinations', 'verify', destinationId],
    prints(/^asked +POST http:\S+\/messages$/m, /^answered +200, with the challenge$/m),
  )
  yield* atHospital('What it was sent, with the token that they agreed on', '/messages/last', {
    wrong: says(200, '{"verification-token":"…","challenge":"'),
  })
  yield* atHospital('Whoever brings another token is refused', '/messages', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', 'verification-token': 'not-the-token' },
    body: JSON.stringify(deviceNew(destinationId)),
    wrong: (answer) => notStatus(401, answer),
  })

  const first = yield* send('Post a message: 200 says that it is on disk')
  await until(async () => (await messageOf(first)).isDelivered)
  yield* atHospital('It has arrived, its Meta filled in', '/messages/last', {
    wrong: (answer) => notStatus(200, answer) ?? notDelivered(answer, first),
  })

  yield* turn('on', 'Turn the hospital’s switch: it fails')
  const second = yield* send('A message is accepted all the same')
  const { id } = await messageOf(second)
  await until(async () => done(await server.messages.attempts(id)).length > 1)
  yield* command(
    'It waits; it was tried, and once more at once. The next try is after 10 s',
    ['messages', 'show', id],
    prints(/Redox EMR: queued$/m, /^2 .* refused +500 /m, /^1 .* refused +500 /m),
  )

  yield* turn('off', 'Turn the switch back')
  yield* command(
    'Resume the feed: nobody has to wait for the schedule',
    ['subscriptions', 'resume', feedId],
    prints(/active/),
  )
  await until(async () => (await messageOf(second)).isDelivered)
  yield* command(
    'It is delivered',
    ['messages', 'show', id],
    prints(/Redox EMR: delivered$/m, /^\d+ .* delivered +200/m),
  )

  /** Posts a message; answers its `Meta`. */
  async function* send(title: string) {
    const answer = yield* ask(title, '/endpoint', {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', Authorization: `Bearer ${token}` },
      body: JSON.stringify(deviceNew(destinationId)),
      wrong: says(200, '"Logs":[{"ID"'),
    })
    return JSON.parse(answer.body).Meta as Receipt
  }

  function turn(failing: 'on' | 'off', title: string) {
    return atHospital(title, '/switch', {
      method: 'POST',
      headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
      body: `failing=${failing}`,
      wrong: (answer) => notStatus(303, answer),
    })
  }

  async function messageOf({ Message }: Receipt) {
    const newest = await server.messages.list({ limit: 20 })
    const message = newest.find(({ serial }) => serial === Message.ID)
    if (message === undefined) throw new Error(`message ${Message.ID} is not there`)
    return { id: message.id, isDelivered: message.deliveries[0]?.status === 'delivered' }
  }

  async function feedOf() {
    const feeds = await server.routes.listSubscriptions({ sourceId: redox.sourceId, limit: 20 })
    return feeds.find((feed) => feed.destinationId === destinationId)?.id ?? ''
  }
}

async function tokenFor(url: string, { apiKey, secret }: Seeded['redox']): Promise<string> {
  const answer = await fetch(`${url}/auth/authenticate`, {
    method: 'POST',
    body: JSON.stringify({ apiKey, secret }),
  })
  return ((await answer.json()) as { accessToken: string }).accessToken
}

/** What the sender read has arrived, and the names of both sides with it. */
function notDelivered({ body }: Answer, { Source, Destinations, Logs }: Receipt): string | null {
  const { Meta } = JSON.parse(body)
  const expected = { ...Meta, Source: { ...Source, Name: 'Acme production' }, Destinations, Logs }
  return JSON.stringify(Meta) === JSON.stringify(expected)
    ? null
    : 'its Meta is not the documented one'
}

/** What goes on beside the walk is waited for, though not for ever: then a step says what is wrong. */
async function until(holds: () => Promise<boolean>): Promise<void> {
  for (const end = Date.now() + 20_000; Date.now() < end; await setTimeout(20)) {
    if (await holds()) return
  }
}
