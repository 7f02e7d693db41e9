/*
 * The conveniences, and nothing that a page cannot do without: copying, leaving a page that shows a
 * secret, choices while one types. Plain script, served as it stands.
 */
export const CONSOLE_SCRIPT = `'use strict'

// Copying.
for (const button of document.querySelectorAll('[data-copy]')) {
  const text = button.textContent
  button.addEventListener('click', async () => {
    await navigator.clipboard.writeText(button.dataset.copy)
    button.textContent = 'Copied'
    announce('Copied')
    setTimeout(() => { button.textContent = text }, 2000)
  })
}

// Read out by screen readers.
function announce(words) {
  const place = document.querySelector('[data-announce]')
  if (place) place.textContent = words
}

// A page that has shown a secret is not to be found again by the back button.
const revealed = document.querySelector('[data-secret]')
if (revealed) {
  addEventListener('pagehide', () => {
    for (const shown of document.querySelectorAll('[data-secret]')) shown.remove()
  })
}

// A dialog that is shown from the start keeps the focus, and stays: browsers close one at the second Escape.
const dialog = document.querySelector('dialog[open]')
if (dialog) {
  dialog.close()
  dialog.showModal()
  // Escape is its button: where a word is still due, that is pointed at.
  dialog.addEventListener('cancel', (event) => {
    event.preventDefault()
    dialog.querySelector('form').requestSubmit()
  })
  dialog.addEventListener('close', () => dialog.showModal())
  for (const veil of document.querySelectorAll('.veil')) veil.remove()
}

// Choices while one types.
for (const input of document.querySelectorAll('input[data-suggest]')) {
  const list = document.getElementById(input.getAttribute('list'))
  let asked = 0
  input.addEventListener('input', async () => {
    const turn = ++asked
    await new Promise((resolve) => setTimeout(resolve, 150))
    if (turn !== asked || input.value.length === 0) return
    const answer = await fetch(input.dataset.suggest + encodeURIComponent(input.value))
    if (turn !== asked || !answer.ok) return
    list.replaceChildren(...(await answer.json()).map(({ value, text }) => {
      const option = document.createElement('option')
      option.value = value
      option.label = text
      return option
    }))
  })
}

// A filter applies as soon as it is chosen; by keys one goes past others on the way, and presses the button.
for (const form of document.querySelectorAll('form[data-filter]')) {
  for (const choice of form.querySelectorAll('select')) {
    let byKeys = false
    choice.addEventListener('keydown', () => { byKeys = true })
    choice.addEventListener('pointerdown', () => { byKeys = false })
    choice.addEventListener('change', () => { if (!byKeys) form.requestSubmit() })
  }
}

// A form is sent once, however often the button is pressed.
for (const form of document.querySelectorAll('form[method="post"]:not([data-download])')) {
  form.addEventListener('submit', (event) => {
    if (form.dataset.sent) event.preventDefault()
    form.dataset.sent = 'yes'
  })
}
addEventListener('pageshow', () => {
  for (const form of document.querySelectorAll('form[data-sent]')) delete form.dataset.sent
})
`
