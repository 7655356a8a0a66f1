const TOKEN = /^fat_([0-9a-f]{12})_[0-9a-f]{64}$/

/** The text of an API token; it is shown once and kept as a hash. Persisted by clients: do not change. */
export function tokenText(id: string, secret: string): string {
  return `fat_${id}_${secret}`
}

/** The id in a token's text, or undefined when it is no token. */
export function tokenId(text: string): string | undefined {
  return TOKEN.exec(text)?.[1]
}
