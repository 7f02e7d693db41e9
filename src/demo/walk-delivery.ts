import { setTimeout } from 'node:timers/promises'
import type { RunningServer } from '../node/server.ts'
import type { HospitalServer } from './hospital.ts'
import { type DemoData, unwrapDemoResult } from './seed.ts'
import {
  createCommandRunner,
  createDeviceMessage,
  createRequester,
  type DemoEnvironment,
  expectBody,
  expectOutput,
  findStatusProblem,
  type StepResponse,
  type WalkSteps,
} from './walk.ts'

const DELIVERY_PART = 'Delivery: a destination is verified, receives, fails and recovers'

/** The `Meta` of an answer to the sender of a message. */
interface Receipt {
  readonly Source: object
  readonly Destinations: readonly object[]
  readonly Logs: readonly object[]
  readonly Message: { readonly ID: number }
}

/** Shows that an accepted message arrives although its destination fails for a while. */
export async function* walkDelivery(
  server: RunningServer,
  { redox }: DemoData,
  hospital: HospitalServer,
  settings: DemoEnvironment,
): WalkSteps {
  const { destinationId } = redox
  const requestLatchkey = createRequester(server.url, DELIVERY_PART)
  const requestHospital = createRequester(hospital.url, DELIVERY_PART, hospital.url)
  const runCommand = createCommandRunner(settings, DELIVERY_PART)
  const token = await fetchAccessToken(server.url, redox)
  const subscriptionId = await findSubscriptionId()
  await waitUntil(
    async () => unwrapDemoResult(await server.subscriptions.find(subscriptionId)).queued === 0,
  )

  yield* runCommand(
    'Ask the hospital to repeat a challenge: that verifies it',
    ['destinations', 'verify', destinationId],
    expectOutput(/^request url +http:\S+\/messages$/m, /^response status +200$/m),
  )
  yield* requestHospital('What it was sent, with the token that they agreed on', '/messages/last', {
    problem: expectBody(200, '{"verification-token":"…","challenge":"'),
  })
  yield* requestHospital('A request with another token is refused', '/messages', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', 'verification-token': 'not-the-token' },
    body: JSON.stringify(createDeviceMessage(destinationId)),
    problem: (answer) => findStatusProblem(401, answer),
  })

  const first = yield* sendMessage('Post a message: 200 says that it is on disk')
  await waitUntil(async () => (await findMessage(first)).isDelivered)
  yield* requestHospital('It has arrived, its Meta filled in', '/messages/last', {
    problem: (answer) => findStatusProblem(200, answer) ?? findDeliveryProblem(answer, first),
  })

  yield* setSwitch('on', 'Turn the hospital’s switch: it fails')
  const second = yield* sendMessage('A message is accepted all the same')
  const { id } = await findMessage(second)
  await waitUntil(async () => unwrapDemoResult(await server.messages.listAttempts(id)).length > 1)
  yield* runCommand(
    'It waits; it was tried, and once more at once. The next try is after 10 s',
    ['messages', 'attempts', id],
    expectOutput(/^2 .* refused +500 /m, /^1 .* refused +500 /m),
  )

  yield* setSwitch('off', 'Turn the switch back')
  yield* runCommand(
    'Resume the subscription: its messages are sent at once',
    ['subscriptions', 'resume', subscriptionId],
    expectOutput(/active/),
  )
  await waitUntil(async () => (await findMessage(second)).isDelivered)
  yield* runCommand(
    'It is delivered',
    ['messages', 'show', id],
    expectOutput(/Redox EMR +delivered /m),
  )

  /** Posts a message, and returns the `Meta` of the answer. */
  async function* sendMessage(title: string) {
    const answer = yield* requestLatchkey(title, '/endpoint', {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', Authorization: `Bearer ${token}` },
      body: JSON.stringify(createDeviceMessage(destinationId)),
      problem: expectBody(200, '"Logs":[{"ID"'),
    })
    return JSON.parse(answer.body).Meta as Receipt
  }

  function setSwitch(failing: 'on' | 'off', title: string) {
    return requestHospital(title, '/switch', {
      method: 'POST',
      headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
      body: `failing=${failing}`,
      problem: (answer) => findStatusProblem(303, answer),
    })
  }

  async function findMessage({ Message }: Receipt) {
    const newest = await server.messages.list({ limit: 20 })
    const message = newest.find(({ serial }) => serial === Message.ID)
    if (message === undefined) throw new Error(`message ${Message.ID} is not there`)
    return { id: message.id, isDelivered: message.deliveries[0]?.status === 'delivered' }
  }

  async function findSubscriptionId() {
    const subscriptions = await server.subscriptions.list({
      sourceId: redox.sourceId,
      limit: 20,
    })
    return subscriptions.find(({ destination }) => destination.id === destinationId)?.id ?? ''
  }
}

async function fetchAccessToken(
  url: string,
  { apiKey, secret }: DemoData['redox'],
): Promise<string> {
  const answer = await fetch(`${url}/auth/authenticate`, {
    method: 'POST',
    body: JSON.stringify({ apiKey, secret }),
  })
  return ((await answer.json()) as { accessToken: string }).accessToken
}

/** Expects that the message arrived with its `Meta`, and with the names of both sides. */
function findDeliveryProblem(
  { body }: StepResponse,
  { Source, Destinations, Logs }: Receipt,
): string | null {
  const { Meta } = JSON.parse(body)
  const expected = { ...Meta, Source: { ...Source, Name: 'Acme production' }, Destinations, Logs }
  return JSON.stringify(Meta) === JSON.stringify(expected)
    ? null
    : 'its Meta is not the documented one'
}

/** Waits, with a limit, for work in the background; after the limit a step reports what is wrong. */
async function waitUntil(holds: () => Promise<boolean>): Promise<void> {
  for (const end = Date.now() + 20_000; Date.now() < end; await setTimeout(20)) {
    if (await holds()) return
  }
}
