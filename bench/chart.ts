/** Bars with one scale. */
export interface ChartPanel {
  readonly title: string
  /** The value of a bar of full width. Longer ones are cut, and marked with an arrow. */
  readonly maximum: number
  readonly bars: readonly ChartBar[]
}

export interface ChartBar {
  readonly label: string
  readonly value: number
  readonly text: string
  readonly tone: 'own' | 'reference' | 'other'
}

const CHART_WIDTH_PX = 840
const PADDING = 16
const LABEL_WIDTH_PX = 200
const VALUE_WIDTH_PX = 80
const BAR_HEIGHT = 14
const ROW_HEIGHT = 20
const TITLE_HEIGHT = 34

/** An image takes its colors from the reader's system, not from the page that shows it. */
const STYLE = `
  text { font: 13px system-ui, sans-serif; fill: #1f2328 }
  .title { font-weight: 600 }
  .own { fill: #0969da } .reference { fill: #8c959f } .other { fill: #bf8700 }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 }
    .own { fill: #58a6ff } .reference { fill: #6e7681 } .other { fill: #d29922 }
  }`

/** Draws the panels below each other, as SVG without a background, for light and dark pages. */
export function drawChart(description: string, panels: readonly ChartPanel[]): string {
  const drawn: string[] = []
  let y = 0
  for (const { title, maximum, bars } of panels) {
    y += TITLE_HEIGHT
    drawn.push(`<text class="title" x="${PADDING}" y="${y - 10}">${escapeXml(title)}</text>`)
    for (const bar of bars) {
      drawn.push(drawBarRow(bar, maximum, y))
      y += ROW_HEIGHT
    }
  }
  const size = `width="${CHART_WIDTH_PX}" height="${y + PADDING}" viewBox="0 0 ${CHART_WIDTH_PX} ${y + PADDING}"`
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" ${size} role="img">`,
    `<title>${escapeXml(description)}</title>`,
    `<style>${STYLE}\n</style>`,
    ...drawn,
    '</svg>\n',
  ].join('\n')
}

function drawBarRow({ label, value, text, tone }: ChartBar, maximum: number, y: number): string {
  const x = PADDING + LABEL_WIDTH_PX
  const full = CHART_WIDTH_PX - x - VALUE_WIDTH_PX - PADDING
  const width = (Math.min(1, value / maximum) * full).toFixed(1)
  const mark = value > maximum ? '→ ' : ''
  const middle = y + BAR_HEIGHT - 3
  return [
    `<text x="${x - 8}" y="${middle}" text-anchor="end">${escapeXml(label)}</text>`,
    `<rect class="${tone}" x="${x}" y="${y}" width="${width}" height="${BAR_HEIGHT}" rx="2"/>`,
    `<text x="${(x + Number(width) + 6).toFixed(1)}" y="${middle}">${mark}${escapeXml(text)}</text>`,
  ].join('')
}

const escapeXml = (text: string) =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
