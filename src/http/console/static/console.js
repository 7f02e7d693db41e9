// Adds to plain HTML: every page works without this script.

for (const button of queryAll('[data-copy]', HTMLButtonElement)) {
  const label = button.textContent
  button.addEventListener('click', async () => {
    await navigator.clipboard.writeText(button.dataset.copy ?? '')
    button.textContent = 'Copied'
    announce('Copied')
    setTimeout(() => {
      button.textContent = label
    }, 2000)
  })
}

// The back button must not show a secret again.
addEventListener('pagehide', () => {
  for (const secret of document.querySelectorAll('[data-secret]')) secret.remove()
})

// Shows an open dialog as a modal one, which keeps the focus. Browsers close one at the second Escape.
const dialog = document.querySelector('dialog[open]')
if (dialog instanceof HTMLDialogElement) {
  dialog.close()
  dialog.showModal()
  // Escape submits the form, so that the browser points at a checkbox that is still required.
  dialog.addEventListener('cancel', (event) => {
    event.preventDefault()
    dialog.querySelector('form')?.requestSubmit()
  })
  dialog.addEventListener('close', () => dialog.showModal())
  for (const veil of document.querySelectorAll('.veil')) veil.remove()
}

// Suggestions during typing.
for (const input of queryAll('input[data-suggest]', HTMLInputElement)) {
  let latestTurn = 0
  input.addEventListener('input', async () => {
    const turn = ++latestTurn
    await new Promise((resolve) => setTimeout(resolve, 150))
    if (turn !== latestTurn || input.value.length === 0) return
    const response = await fetch(input.dataset.suggest + encodeURIComponent(input.value))
    if (turn !== latestTurn || !response.ok) return
    /** @type {{ value: string, text: string }[]} */
    const suggestions = await response.json()
    const options = suggestions.map(({ value, text }) =>
      Object.assign(document.createElement('option'), { value, label: text }),
    )
    input.list?.replaceChildren(...options)
  })
}

// A filter applies at once when it is chosen with a pointer. With keys, users pass other choices on the
// way to theirs, so the button applies it.
for (const form of queryAll('form[data-filter]', HTMLFormElement)) {
  for (const select of form.querySelectorAll('select')) {
    let isByKeys = false
    select.addEventListener('keydown', () => {
      isByKeys = true
    })
    select.addEventListener('pointerdown', () => {
      isByKeys = false
    })
    select.addEventListener('change', () => {
      if (!isByKeys) form.requestSubmit()
    })
  }
}

// A form is sent once, however often its button is pressed.
for (const form of queryAll('form[method="post"]:not([data-download])', HTMLFormElement)) {
  form.addEventListener('submit', (event) => {
    if (form.dataset.sent) event.preventDefault()
    form.dataset.sent = 'yes'
  })
}
addEventListener('pageshow', () => {
  for (const form of queryAll('form[data-sent]', HTMLFormElement)) delete form.dataset.sent
})

/**
 * Has screen readers say a text.
 * @param {string} text
 */
function announce(text) {
  const status = document.querySelector('[data-announce]')
  if (status !== null) status.textContent = text
}

/**
 * Finds the elements that match `selector`, typed as `type`.
 * @template {Element} T
 * @param {string} selector
 * @param {new () => T} type
 * @returns {T[]}
 */
function queryAll(selector, type) {
  return [...document.querySelectorAll(selector)].flatMap((element) =>
    element instanceof type ? [element] : [],
  )
}
