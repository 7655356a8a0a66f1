const PLAIN_EVERY_MS = 30_000

/**
 * Shows one step of set-up on stderr while `work` runs: on a terminal a line that counts the time, elsewhere a line at the
 * start, one every half minute, and one at the end.
 *
 * @template T
 * @param {string} title
 * @param {(say: (detail: string) => void) => Promise<T>} work  `say` sets what is shown behind the title
 * @returns {Promise<T>}
 */
export async function showing(title, work) {
  const startedAt = Date.now()
  const out = process.stderr
  let detail = ''
  const line = () => `${title}${detail && ` · ${detail}`} · ${elapsed(Date.now() - startedAt)}`
  const draw = () => out.write(out.isTTY ? `\r\u001b[K  … ${line()}` : `  … ${line()}\n`)
  if (out.isTTY) draw()
  else out.write(`  … ${title}\n`)
  const timer = setInterval(draw, out.isTTY ? 1_000 : PLAIN_EVERY_MS)
  /** @param {string} mark */
  const end = (mark) => out.write(`${out.isTTY ? '\r\u001b[K' : ''}  ${mark} ${line()}\n`)
  try {
    const result = await work((text) => {
      detail = text
    })
    end('✓')
    return result
  } catch (error) {
    end('✗')
    throw error
  } finally {
    clearInterval(timer)
  }
}

/** @param {number} ms */
function elapsed(ms) {
  const seconds = Math.round(ms / 1000)
  return seconds < 60 ? `${seconds} s` : `${Math.floor(seconds / 60)} min ${seconds % 60} s`
}
