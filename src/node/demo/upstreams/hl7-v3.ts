/**
 * The answer to a v3 interaction: an application acknowledgement (MCCI_IN000002UV01) that names the
 * message by its id. Enough is read for that, and no more: a receiver would parse.
 */
export function acknowledgeV3(message: string, now: Date): string {
  const isInteraction = /<(?:\w+:)?[A-Z]{4}_[A-Z]{2}\d{6}[\w-]*[^>]*\burn:hl7-org:v3\b/.test(
    message,
  )
  const [, attributes] = /<(?:\w+:)?id\s+([^<>]*?)\s*\/?>/.exec(message) ?? []
  const taken = isInteraction && attributes !== undefined
  const target = taken ? `<targetMessage><id ${attributes}/></targetMessage>` : ''
  const created = now.toISOString().replace(/[-:T]|\.\d+Z$/g, '')
  return `<?xml version="1.0" encoding="UTF-8"?>
<MCCI_IN000002UV01 xmlns="urn:hl7-org:v3" ITSVersion="XML_1.0">
  <id root="${crypto.randomUUID()}"/>
  <creationTime value="${created}"/>
  <interactionId root="2.16.840.1.113883.1.6" extension="MCCI_IN000002UV01"/>
  <processingCode code="P"/>
  <processingModeCode code="T"/>
  <acceptAckCode code="NE"/>
  <acknowledgement><typeCode code="${taken ? 'AA' : 'AR'}"/>${target}</acknowledgement>
</MCCI_IN000002UV01>
`
}
