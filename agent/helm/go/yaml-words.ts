const WORDS = new Set([
  ...['y', 'Y', 'yes', 'Yes', 'YES', 'true', 'True', 'TRUE', 'on', 'On', 'ON'],
  ...['n', 'N', 'no', 'No', 'NO', 'false', 'False', 'FALSE', 'off', 'Off', 'OFF'],
  ...['', '~', 'null', 'Null', 'NULL', '.nan', '.NaN', '.NAN'],
  ...['', '+', '-'].flatMap((sign) => ['.inf', '.Inf', '.INF'].map((word) => sign + word)),
])
const BASE_60 = /^[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?$/
const FLOAT = /^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$/
const INTEGER = /^([-+]?)(?:0[xX]([0-9a-fA-F]+)|0[oO]?([0-7]+)|0[bB]([01]+)|([1-9][0-9]*|0))$/
const TIME =
  /^(\d{4})-(\d{1,2})-(\d{1,2})(?:(?:[Tt](\d{1,2}):(\d{1,2}):(\d{1,2})(?:[.,]\d+)?(?:Z|[-+](\d{2}):(\d{2})))|(?: (\d{1,2}):(\d{1,2}):(\d{1,2})(?:[.,]\d+)?))?$/

/** Whether YAML 1.1 as Go has it reads a bare word as text, and not as a number, a truth value, a time or nothing. */
export function isText(word: string): boolean {
  if (WORDS.has(word) || BASE_60.test(word)) return false
  if (word.startsWith('.')) return !isFloat(word)
  if (!/^[-+0-9]/.test(word)) return true
  const bare = word.replaceAll('_', '')
  return !isTime(word) && !isInteger(bare) && !isFloat(bare)
}

function isFloat(word: string): boolean {
  return FLOAT.test(word) && Number.isFinite(Number(word))
}

function isInteger(word: string): boolean {
  const [, sign = '', hex, octal, binary, decimal] = INTEGER.exec(word) ?? []
  const digits = hex ? `0x${hex}` : octal ? `0o${octal}` : binary ? `0b${binary}` : decimal
  if (digits === undefined) return false
  const value = BigInt(digits)
  if (sign === '-') return value <= 2n ** 63n
  return value < (sign === '+' ? 2n ** 63n : 2n ** 64n)
}

function isTime(word: string): boolean {
  const parts = TIME.exec(word)
  if (!parts) return false
  const [year = 0, month = 0, day = 0] = parts.slice(1, 4).map(Number)
  if (month < 1 || month > 12 || day < 1 || day > new Date(Date.UTC(2000 + (year % 400), month, 0)).getUTCDate()) return false
  const [hour = 0, minute = 0, second = 0] = (parts[4] === undefined ? parts.slice(9, 12) : parts.slice(4, 7)).map((part) =>
    Number(part ?? 0),
  )
  return hour < 24 && minute < 60 && second < 60 && Number(parts[7] ?? 0) <= 24 && Number(parts[8] ?? 0) < 60
}
