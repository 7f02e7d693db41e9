import { html } from 'hono/html'
import type { Arrival } from './arrivals.ts'

const REFRESH_SECONDS = 2

/** What arrived, for a person. Without a script; everything that came from outside is escaped. */
export const page = (shown: {
  readonly failing: boolean
  /** Does not refresh itself, so that what was unfolded stays so. */
  readonly still: boolean
  readonly arrived: readonly Arrival[]
}) => html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
${shown.still ? '' : html`<meta http-equiv="refresh" content="${REFRESH_SECONDS}">`}
<title>Community Hospital</title>
<link rel="stylesheet" href="/style.css">
</head>
<body>
<main>
<h1>Community Hospital</h1>
<p>A destination, as Latchkey delivers to it. It keeps the last 50 arrivals, in memory.</p>
${shown.failing ? failing : taking}
<h2>Arrived</h2>
<p>${shown.still ? html`<a href="/">Watch</a>` : html`<a href="/?still">Hold still</a>`}</p>
${shown.arrived.length === 0 ? html`<p>Nothing yet.</p>` : html`<ol>${shown.arrived.map(row)}</ol>`}
</main>
</body>
</html>
`

const taking = html`<form method="post" action="/switch" class="switch">
<p><strong>It takes messages.</strong></p>
<button name="failing" value="on">Make it fail</button>
</form>`

const failing = html`<form method="post" action="/switch" class="switch failing">
<p><strong>It fails.</strong> Every request is answered 500, so messages wait in their feed.</p>
<button name="failing" value="off">Let it take messages again</button>
</form>`

const row = ({ at, kind, dataModel, eventType, source, answered, body }: Arrival) => html`<li>
<p><time datetime="${at}">${at.slice(11, 19)}</time>
<strong>${kind === 'message' ? `${dataModel}: ${eventType}` : 'Handshake'}</strong>
<span>${kind === 'message' ? `from ${source}` : ''}</span>
<span class="${answered === 200 ? 'taken' : 'refused'}">answered ${answered}</span></p>
<details><summary>Body</summary><pre>${body}</pre></details>
</li>`
