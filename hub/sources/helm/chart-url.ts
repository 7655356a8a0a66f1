/** Where the archive of a chart is: an address of an index, taken from the index's own. */
export function chartUrl(repository: string, listed: string): string | undefined {
  if (!URL.canParse(repository)) return undefined
  const base = new URL(repository)
  base.pathname = `${base.pathname.replace(/\/+$/, '')}/`
  if (!URL.canParse(listed, base.href)) return undefined
  const url = new URL(listed, base.href)
  // A repository behind a query, such as a signed address, has its charts behind the same.
  if (url.origin === base.origin && url.search === '') url.search = base.search
  return url.href
}

/** Where the index of a repository is. */
export function indexUrl(repository: string): string {
  const url = new URL(repository)
  url.pathname = `${url.pathname.replace(/\/+$/, '')}/index.yaml`
  return url.href
}
